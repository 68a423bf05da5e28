"""docs/checks.md: a section for every code and for no other, with examples that are what they say."""

from __future__ import annotations

import re
from datetime import date

import pytest

from observe import checks
from observe.inventory import LOADER_CODES, InventoryError, parse
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
INTRODUCTION, *SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)
TITLES = {**LOADER_CODES, **{check.CODE: check.TITLE for check in checks.all_checks()}}
DAY = date(2026, 1, 1)
"""What has expired by then is found."""
BLOCK = r"\n\n```yaml\n(.*?)^```"
BEGINNING = re.findall(f"stand under this beginning:{BLOCK}", INTRODUCTION, re.DOTALL | re.MULTILINE)[0]


def examples(kind: str) -> list[tuple[str, str]]:
    """Code and text of each example of a kind."""
    return [
        (section.split()[0], text)
        for section in SECTIONS
        for text in re.findall(f"^{kind}:{BLOCK}", section, re.DOTALL | re.MULTILINE)
    ]


def whole(text: str) -> str:
    """An example under the beginning that all share, unless it has a mesh of its own."""
    return text if text.startswith("mesh:") else BEGINNING + text


def codes(text: str) -> set[str]:
    """The codes of what is found."""
    try:
        return {finding.code for finding in checks.over_inventory(parse([("docs", whole(text))], DAY))}
    except InventoryError as error:
        return {finding.code for finding in error.findings}


def test_a_section_for_every_code_in_order_with_its_title() -> None:
    assert [section.splitlines()[0] for section in SECTIONS] == [f"{code} {TITLES[code]}" for code in sorted(TITLES)]


def test_every_code_has_examples_of_both_kinds() -> None:
    for kind in ("Bad", "Good"):
        assert {code for code, _ in examples(kind)} == set(TITLES)


@pytest.mark.parametrize(("code", "text"), examples("Bad"))
def test_bad_examples_give_their_code_alone(code: str, text: str) -> None:
    """But for OBS109, which lists every exception that is in order."""
    assert codes(text) - ({"OBS109"} - {code}) == {code}


@pytest.mark.parametrize(("code", "text"), examples("Good"))
def test_good_examples_do_not(code: str, text: str) -> None:
    assert codes(text) <= {"OBS109"} - {code}


def test_severities_are_as_the_sections_say() -> None:
    for code, text in examples("Bad"):
        if code not in LOADER_CODES:
            section = next(section for section in SECTIONS if section.startswith(code))
            found = checks.over_inventory(parse([("docs", whole(text))], DAY))
            said = section.splitlines()[2].split()[0].strip(".,").lower()
            assert {finding.severity.title for finding in found if finding.code == code} == {said}


def test_the_message_in_the_introduction_is_a_real_one() -> None:
    assert 'is "stok", which is not in the inventory; did you mean stock?' in INTRODUCTION
    text = next(text for code, text in examples("Bad") if code == "OBS101")
    with pytest.raises(InventoryError) as caught:
        parse([("docs", whole(text))], DAY)
    assert str(caught.value.findings[0]).split(": ", 1)[1] in INTRODUCTION
