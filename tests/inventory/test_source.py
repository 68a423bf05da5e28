"""YAML text to data and positions."""

from __future__ import annotations

from typing import Any

import pytest

from observe.inventory import source
from observe.inventory.builder import MOST_ALIASED
from observe.inventory.scalar import plain
from observe.inventory.source import read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("true", True), ("False", False),
        ("0", 0), ("80", 80), ("+11", 11), ("-12", -12), ("1.30", 1.3), (".5", 0.5), ("1e3", 1000.0), ("5.", 5.0),
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("OFF", "OFF"), ("y", "y"), ("nO", "nO"), ("tRUE", "tRUE"),
        ("010", "010"), ("0x1F", "0x1F"), ("0b11", "0b11"), ("1_000", "1_000"), ("22:22", "22:22"), ("1:30", "1:30"),
        ("2026-01-01", "2026-01-01"), ("2026-13-45", "2026-13-45"), ("2%", "2%"), ("3s", "3s"), ("=", "="),
        (".inf", ".inf"), (".nan", ".nan"), ("-", "-"), ("+", "+"), (".", "."), ("1.2.3", "1.2.3"),
        ("\u0663", "\u0663"), ("9" * 401, "9" * 401),
    ],
)  # fmt: skip
def test_plain_words(text: str, value: Any) -> None:
    """YAML 1.2's core schema: what 1.1 makes dates, octal numbers and truth values of is text."""
    assert plain(text) == value
    assert type(plain(text)) is type(value)


def test_quotes_and_block_scalars_are_text() -> None:
    assert read("f", "a: \"1\"\nb: '2'\nc: |\n  3\nd: ! 4\ne: !!str 5\n").data == {
        "a": "1", "b": "2", "c": "3\n", "d": "4", "e": "5",
    }  # fmt: skip


def test_keys_are_text_as_written() -> None:
    assert read("f", "on: 1\n1.30: 2\n~: 3\n0x1F: 4\n").data == {"on": 1, "1.30": 2, "~": 3, "0x1F": 4}


def test_lists_are_tuples() -> None:
    assert read("f", "a: [1, [2, {b: 3}]]").data == {"a": (1, (2, {"b": 3}))}


@pytest.mark.parametrize(
    ("text", "path", "place"),
    [
        pytest.param("a:\n  b: 1\n", ("a", "b"), (1, 2), id="block"),
        pytest.param("a: {c: 1, b: 2}\n", ("a", "b"), (0, 10), id="flow"),
        pytest.param("a:\n- x\n- y\n", ("a", 1), (2, 2), id="item"),
        pytest.param("a: 1\r\nb: 2\r\n", ("b",), (1, 0), id="CRLF"),
        pytest.param("\ufeffa: 1\n", ("a",), (0, 0), id="byte order mark"),
        pytest.param("ä: [é, 😀😀, b]\n", ("ä", 2), (0, 11), id="columns are characters"),
        pytest.param("# c\n%YAML 1.2\n---\na: 1\n", ("a",), (3, 0), id="directive"),
        pytest.param("b: &x {c: 1}\na: *x\n", ("a",), (1, 0), id="alias: its key"),
        pytest.param("[a, b]", (), (0, 0), id="root"),
    ],
)
def test_positions(text: str, path: tuple[str | int, ...], place: tuple[int, int]) -> None:
    document = read("f", text)
    assert not document.findings
    assert document.positions[path] == place


def test_numbers_keep_their_spelling() -> None:
    assert read("f", "a: 1.30\nb: 1.5\nc: [1e3]\n").spelled == {("a",): "1.30", ("c", 0): "1e3"}


def test_aliases_stand_for_their_values() -> None:
    assert read("f", "a: &x [1, 2]\nb: *x\nc: &k {d: *x}\ne: *k\n").data["e"] == {"d": (1, 2)}


def test_the_first_of_two_keys_stays_with_its_positions() -> None:
    document = read("f", "a:\n  b: 1\na:\n  b: 2\n  c: 3\n")
    assert document.data == {"a": {"b": 1}}
    assert document.positions["a", "b"] == (1, 2)
    assert [str(finding) for finding in document.findings] == [
        "f:3:1: error OBS002: a is there already, in line 1; remove one of the two, or merge them"
    ]


def test_findings_before_the_place_where_reading_ends_are_kept() -> None:
    assert [finding.code for finding in read("f", "a: 1\na: 2\nb: {").findings] == ["OBS002", "OBS001"]


def laughs(levels: int) -> str:
    """A billion laughs: each line repeats the one above ten times."""
    lines = [f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]" for level in range(1, levels)]
    return "\n".join(["l0: &l0 [ha]", *lines])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(laughs(10), f"repeats more than {MOST_ALIASED:,} values by aliases", id="billion laughs"),
        pytest.param("a: &a [*a]", "has the alias *a inside of what it stands for", id="recursive alias"),
        pytest.param("&a [&b {c: *a}]", "has the alias *a inside of what it stands for", id="recursive around corners"),
        pytest.param("[" * 100_000, "is nested more than 40 levels deep", id="brackets"),
        pytest.param("{a: " * 100_000, "is nested more than 40 levels deep", id="braces"),
        pytest.param("- " * 100_000, "is nested more than 40 levels deep", id="dashes"),
        pytest.param("a: \udc80", "holds the character U+DC80, which YAML does not allow", id="lone surrogate"),
        pytest.param("\x7fELF\x02\x00", "holds the character U+007F, which YAML does not allow", id="a program"),
        pytest.param("a: !!binary aGk=", "uses the tag !!binary", id="binary tag"),
        pytest.param("a: !!python/object:os.system {}", "uses the tag !!python/object:os.system", id="code"),
        pytest.param("!!set {a, b}", "uses the tag !!set", id="set"),
    ],
)
def test_hostile_text_is_refused(text: str, problem: str) -> None:
    document = read("f", text)
    assert [(finding.code, finding.problem) for finding in document.findings] == [("OBS001", problem)]
    assert (document.data, document.readable) == (None, False)


def test_too_much_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "LARGEST", 11)
    assert read("f", "a: 12345678").readable
    (finding,) = read("f", "a: 123456789").findings
    assert finding.problem == "has more than 11 characters"


def test_too_many_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("observe.inventory.builder.MOST_VALUES", 11)
    assert read("f", f"[{'a, ' * 10}]").readable
    (finding,) = read("f", f"[{'a, ' * 12}]").findings
    assert finding.problem == "has more than 11 values"


def test_the_slower_loader_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML may come without libyaml."""
    import yaml

    text = "a: {b: [1, x, 1.30]}\nc: &k |\n  text\nd: *k\nd: 1\n"
    fast = read("f", text)
    monkeypatch.setattr(source, "Loader", yaml.SafeLoader)
    assert read("f", text) == fast
    assert not read("f", "a: [").readable
