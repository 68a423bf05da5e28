"""The emitter of our own is PyYAML's, byte for byte, or it declines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from observe.render.block_yaml import Dumper, NotPlain, dump
from observe.render.text import to_yaml

if TYPE_CHECKING:
    from observe.pack import Pack

TRICKY = (
    "", " ", "yes", "no", "on", "Off", "y", "~", "null", "True", "1", "-1", "0x1f", "1_000", "1:30", "1.5", ".5",
    "1e3", "=", "<<", "2026-01-01", "- a", "a: b", "a #b", "#a", "a:", ":a", "{a}", "[a]", "a,b", "&a", "*a", "!a",
    "|", ">", "'a'", "\"a\"", "%a", "@a", "`a", "?", "? a", "-", "--", "---", "...", " a", "a ", "a\xe4", "\u2028",
    "\x85", "\U0001f600", "a\tb", "GET|POST", "{{ $value }}", "a  b", "/orders/{*}", "20.0", "0o17", "012", "+1",
    "inf", ".inf", ".NaN", "a\\b", "a'b", "(x)",
    "x" * 300,
)  # fmt: skip

ascii_texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
texts = st.one_of(
    st.sampled_from(TRICKY), st.text(max_size=30), ascii_texts, st.text("abc01:-# {}[]'\"|>.,/_~=", max_size=12)
)
scalars = st.one_of(texts, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=20,
)


def library(value: Any) -> str:
    class NoAliases(Dumper):
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
            return True

    text: str = yaml.dump(
        value, Dumper=NoAliases, sort_keys=False, width=2**31 - 1, allow_unicode=True, default_flow_style=False
    )
    return text


@given(st.dictionaries(texts, values, max_size=5))
def test_same_bytes_as_the_library(value: dict[str, Any]) -> None:
    try:
        written = dump(value)
    except NotPlain:
        return
    assert written == library(value)


@pytest.mark.parametrize("text", TRICKY)
def test_tricky_texts_as_key_as_value_and_in_lists(text: str) -> None:
    value = {text: text, "list": [text, {text: [text]}, [[text]]]}
    assert to_yaml(value).decode() == library(value)
    assert yaml.load(to_yaml(value), yaml.CSafeLoader) == value


@pytest.mark.parametrize(
    "value", [{}, {"a": {}}, {"a": []}, {"a": [{}, []]}, {"a": {"b": {"c": None}}}, {"a": [[["b"]]]}]
)
def test_empty_and_nested(value: dict[str, Any]) -> None:
    assert dump(value) == library(value)


@pytest.mark.parametrize("value", [{"a": "two\nlines"}, {1: "a"}, {"k" * 101: "a"}, {"a": object()}, {"a": ("b",)}])
def test_what_it_does_not_know_it_leaves_to_the_library(value: dict[Any, Any]) -> None:
    with pytest.raises(NotPlain):
        dump(value)


def test_every_manifest_of_the_example_takes_the_fast_way(shop_pack: Pack) -> None:
    for artifact in shop_pack.artifacts:
        if artifact.path.endswith(".yaml"):
            assert dump(yaml.load(artifact.content, yaml.CSafeLoader)).encode() == artifact.content
