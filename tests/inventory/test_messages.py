"""The words of messages."""

from __future__ import annotations

from typing import Any

import pytest

from observe.inventory.messages import did_you_mean, dotted, keys_at, printable, show, suggest
from observe.model import Mesh, Service


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), "the inventory"),
        (("services", "web/cart", "ports", 0, "number"), "services.web/cart.ports[0].number"),
        (("labels", "app.kubernetes.io/name"), "labels.app.kubernetes.io/name"),
        (("labels", "a b"), 'labels."a b"'),
        (("labels", ""), 'labels.""'),
        (("labels", "\x1b[31m"), 'labels."\\x1b[31m"'),
    ],
)
def test_dotted(path: tuple[str | int, ...], text: str) -> None:
    assert dotted(path) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", '"x"'), (" ", '" "'), (True, "true"), (11, "11"), (None, "empty"), ({}, "a mapping"), ((), "a list")],
)
def test_show(value: Any, text: str) -> None:
    assert show(value) == text


def test_nothing_that_a_terminal_obeys_is_printed() -> None:
    assert printable("a\x1b]0;b\x07\u202ec\x9b\ud800", 60) == "a\\x1b]0;b\\x07\\u202ec\\x9b\\ud800"
    assert printable("a\nb\t c", 60) == "a b c"
    assert printable("a" * 61, 60) == "a" * 59 + "…"


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        pytest.param("role", ["roles"], "roles", id="a letter less"),
        pytest.param("strict", ["STRICT"], "STRICT", id="case does not count"),
        pytest.param("serviceAccount", ["service_account"], "service_account", id="as Kubernetes spells it"),
        pytest.param("service-account", ["service_account"], "service_account", id="- and _ are the same"),
        pytest.param("xyzzy", ["role"], None, id="nothing like it"),
        pytest.param("a" * 101, ["a" * 100], None, id="too long for a slip"),
        pytest.param("", ["role"], None, id="nothing"),
    ],
)
def test_suggest(word: str, known: list[str], meant: str | None) -> None:
    assert suggest(word, known) == meant


def test_without_a_likeness_all_are_named() -> None:
    assert did_you_mean("xyzzy", ["sync", "data"], "choose one") == "choose one; known are sync, data"


@pytest.mark.parametrize(
    ("model", "path", "some"),
    [
        (Mesh, (), "trust_domain"),
        (Mesh, ("prometheus",), "rule_labels"),
        (Service, ("ports", 0), "target_port"),
        (Service, ("calls", 11, "retries"), "per_try_timeout"),
        (Service, ("external_callers", 0, "endpoints", 2), "idempotent"),
    ],
)
def test_keys_at(model: type, path: tuple[str | int, ...], some: str) -> None:
    assert some in keys_at(model, path)


def test_a_service_has_no_key_for_its_name() -> None:
    assert "name" not in keys_at(Service, ())
    assert "name" in keys_at(Mesh, ())
    assert keys_at(Service, ("role", "deeper")) == ()
