"""Canonical text: what is written is read back the same, by everybody, and is the same bytes every time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from observe.render.text import canonical, to_json, to_yaml

if TYPE_CHECKING:
    from observe.pack import Pack

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = texts | st.integers(-(2**53) + 1, 2**53 - 1) | st.booleans() | st.none() | st.floats(allow_nan=False)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=10
)
documents = st.dictionaries(texts, values, max_size=4)


@given(documents)
def test_yaml_is_read_back_as_it_was_and_in_its_order(value: dict[str, Any]) -> None:
    read = yaml.safe_load(to_yaml(value))
    assert read == value
    assert list(read) == list(value)


@given(documents)
def test_yaml_is_utf_8_and_ends_with_one_newline(value: dict[str, Any]) -> None:
    text = to_yaml(value).decode()
    assert text.endswith("\n")
    assert not text.endswith("\n\n") or not value
    assert to_yaml(value) == to_yaml(value)


def test_yaml_has_no_anchors_where_values_are_shared() -> None:
    """Legal, and unreadable: `*id001` says nothing to a reviewer, and not every tool follows it."""
    shared = {"app": "cart"}
    text = to_yaml({"one": shared, "other": shared, "list": [shared, shared]}).decode()
    assert "&" not in text
    assert "*" not in text
    assert text.count("app: cart") == 4


def test_yaml_of_the_example_has_no_anchors(shop_pack: Pack) -> None:
    for artifact in shop_pack.artifacts:
        if artifact.path.endswith(".yaml"):
            tokens = yaml.scan(artifact.content, yaml.CSafeLoader)
            assert not [token for token in tokens if isinstance(token, yaml.AnchorToken | yaml.AliasToken)]


def test_yaml_does_not_break_long_lines() -> None:
    """A diff of a broken line shows where it was broken, not what was changed."""
    text = "word " * 500 + "end"
    assert to_yaml({"expr": text, "list": [text]}).count(b"\n") == 3


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "no",
        "on",
        "null",
        "~",
        "1",
        "1.30",
        "0x1f",
        "012",
        "2026-01-01",
        "",
        " a",
        "a: b",
        "y",
        "N",
        "1e3",
        "0o17",
        "1.5e3",
        "123e456789012345",
    ],
)
def test_text_that_looks_like_something_else_is_quoted(text: str) -> None:
    assert yaml.safe_load(to_yaml({"key": text})) == {"key": text}
    assert to_yaml({"key": text}).decode() in {f"key: '{text}'\n", f'key: "{text}"\n'}


@given(documents)
def test_json_is_read_back_as_it_was_with_sorted_keys(value: dict[str, Any]) -> None:
    text = to_json(_finite(value))
    assert json.loads(text) == _finite(value)
    assert list(orjson.loads(text)) == sorted(value)
    assert text.endswith(b"\n")


@given(documents)
def test_canonical_form_does_not_depend_on_the_order_of_keys(value: dict[str, Any]) -> None:
    backwards = dict(reversed(value.items()))
    assert canonical(value) == canonical(backwards)
    assert b"\n" not in canonical(value)


@given(documents, documents)
def test_canonical_forms_of_different_values_differ(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Content hashes are taken of it."""
    one, other = _finite(one), _finite(other)
    assert (canonical(one) == canonical(other)) == (
        json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    )


def _finite(value: Any) -> Any:
    """JSON has no infinity."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return 0.5 if isinstance(value, float) and abs(value) == float("inf") else value


def test_texts_of_several_lines_are_written_line_by_line() -> None:
    assert to_yaml({"config": "{\n  1\n}\n"}) == b"config: |\n  {\n    1\n  }\n"


@given(st.text(st.sampled_from(" \t\n\r#:-'\"ab\x85\u2028\x00\U0001f600"), max_size=12))
def test_texts_with_any_breaks_and_blanks_are_read_as_they_were(value: str) -> None:
    assert yaml.safe_load(to_yaml({"a": value, "b": [value]})) == {"a": value, "b": [value]}
