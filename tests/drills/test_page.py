"""A page of documentation gets what was measured where it has a place for it, and nowhere else."""

from __future__ import annotations

import pytest

from observe.drills.page import filled
from observe.errors import UsageError

PAGE = "# A\n\n<!-- pages: written by observe drill -->\n\nold\n\n<!-- pages: end -->\n\nB\n"


def test_what_stands_between_the_marks_is_replaced() -> None:
    new = filled(PAGE, {"pages": "| 1 |\n| \\1 |"})
    assert new == PAGE.replace("old", "| 1 |\n| \\1 |")
    assert filled(new, {"pages": "old"}) == PAGE


@pytest.mark.parametrize(
    "page", ["", PAGE + PAGE, PAGE.replace("<!-- pages: end -->", ""), "<!-- pages: end -->" + PAGE.split("\n\nold")[0]]
)
def test_a_page_without_a_place_is_refused(page: str) -> None:
    with pytest.raises(UsageError, match="the page has no place for pages: put the lines <!-- pages: written"):
        filled(page, {"pages": "x"})
