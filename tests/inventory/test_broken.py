"""Broken inventories: each breaks one thing in a good one, and everything that is said about it is asserted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from observe.inventory import LOADER_CODES
from tests.inventory.good import GOOD, broken, messages

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("broken.yaml").read_text(encoding="utf-8"))
FORM = re.compile(r"acme\.yaml:[1-9]\d*:[1-9]\d*: (error|warning) OBS\d{3}: \S.*\S; \S.*")


def test_the_good_inventory_is_good() -> None:
    assert messages(GOOD) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_broken(case: dict[str, Any]) -> None:
    assert messages(broken(case["old"], case["new"])) == case["says"]


def test_every_message_has_place_code_problem_and_remedy() -> None:
    for case in CASES:
        assert case["says"], case["name"]
        assert all(FORM.fullmatch(message) for message in case["says"]), case["name"]


def test_there_is_a_case_for_every_code() -> None:
    said = " ".join(message for case in CASES for message in case["says"])
    assert [code for code in LOADER_CODES if code not in said] == []


def test_names_of_cases_are_distinct() -> None:
    assert len({case["name"] for case in CASES}) == len(CASES)
