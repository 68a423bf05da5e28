"""Markdown for text panels and runbooks, in which what users wrote stays text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

TITLE: Final = 1.4
"""Of the grid's units: a panel's title, and the air around its content."""
LINE: Final = 0.78
"""A row of a table; a paragraph takes as much."""

_SPECIAL: Final = str.maketrans({char: f"&#{ord(char)};" for char in "&<>\\`*_~[](){}|$!#\"'"})

_ENDING: Final = str.maketrans({char: f"%{ord(char):02X}" for char in "()$|"})


def escape(text: str) -> str:
    """The text with everything that means something to Markdown, HTML or Grafana as a character reference.

    A backslash would not do: Grafana puts variables such as `${datasource}` in before it reads the Markdown
    (grafana#51392).
    """
    return text.translate(_SPECIAL)


def link(title: str, address: str) -> str:
    """A link. An address may hold what ends it in Markdown or begins a variable in Grafana, but not unencoded."""
    return f"[{escape(title)}]({address.translate(_ENDING)})"


def height(content: str, most: int) -> int:
    """Units of Grafana's grid that a text of short lines needs, `most` at most: what does not fit is scrolled."""
    lines = sum(bool(line) and not line.startswith("| ---") for line in content.splitlines())
    return min(math.ceil(TITLE + LINE * lines), most)


def table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table; the cells are Markdown already."""
    lines = (heading, ("---",) * len(heading), *rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
