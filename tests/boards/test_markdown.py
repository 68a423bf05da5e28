"""Text that users wrote, inside Markdown."""

from __future__ import annotations

import html
import string

import pytest

from observe.boards import markdown


def test_a_reader_sees_what_was_written() -> None:
    """Every printable character comes back when references are resolved, as a browser does."""
    assert html.unescape(markdown.escape(string.printable)) == string.printable


@pytest.mark.parametrize("char", list("&<>\\`*_~[](){}|$!#\"'"))
def test_no_character_keeps_a_meaning(char: str) -> None:
    assert markdown.escape(char) == f"&#{ord(char)};"


def test_plain_words_stay_readable() -> None:
    assert markdown.escape("5 % of the bank's") == "5 % of the bank&#39;s"


def test_an_address_cannot_end_its_link_early() -> None:
    made = markdown.link("a]b", "https://grafana.example.com/$x(y)|z/d/uid-1")
    assert made == "[a&#93;b](https://grafana.example.com/%24x%28y%29%7Cz/d/uid-1)"
