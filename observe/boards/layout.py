"""Where panels stand: filled line by line, like text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.boards.panel import Panel, Row

COLUMNS: Final = 24
"""The width of Grafana's grid."""
HEADING: Final = 1
"""The height of a row's heading."""


@dataclass(frozen=True, slots=True)
class Place:
    """A row's heading or a panel, and its place on the grid."""

    item: Row | Panel
    x: int
    y: int
    width: int
    height: int


def places(rows: tuple[Row, ...]) -> Iterator[Place]:
    """All headings and panels in the order that Grafana wants: each row's panels behind its heading."""
    top = 0
    for row in rows:
        yield Place(row, 0, top, COLUMNS, HEADING)
        top += HEADING
        left = tallest = 0
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                top, left, tallest = top + tallest, 0, 0
            yield Place(panel, left, top, panel.width, panel.height)
            left, tallest = left + panel.width, max(tallest, panel.height)
        top += tallest
