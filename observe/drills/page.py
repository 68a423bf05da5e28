"""A page of documentation with what was measured between two marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

BEGIN: Final = "<!-- {part}: written by {author} -->"
END: Final = "<!-- {part}: end -->"


def filled(page: str, parts: Mapping[str, str], author: str = "observe drill") -> str:
    """The page, with each part between its marks; raises UsageError where the page has no such marks."""
    for part, text in parts.items():
        begin, end = BEGIN.format(part=part, author=author), END.format(part=part)
        if page.count(begin) != 1 or page.count(end) != 1 or page.index(begin) > page.index(end):
            raise UsageError(f"the page has no place for {part}: put the lines {begin} and {end} where it belongs")
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}"
    return page
