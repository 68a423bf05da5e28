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
    inside: tuple[Place, ...] = ()
    """Where the panels of a collapsed row will stand if the row is opened; until then they take no room."""


def places(rows: tuple[Row, ...]) -> Iterator[Place]:
    """All headings and panels in the order that Grafana wants: each row's panels behind its heading, or inside."""
    top = 0
    for row in rows:
        below = tuple(_panels(row, top + HEADING))
        yield Place(row, 0, top, COLUMNS, HEADING, below if row.collapsed else ())
        top += HEADING
        if not row.collapsed:
            yield from below
            top = max((place.y + place.height for place in below), default=top)


def _panels(row: Row, top: int) -> Iterator[Place]:
    """The panels of a row, the first of them at the height `top`."""
    for line in _lines(row.panels):
        left = 0
        for panel, width in zip(line, _widths(line), strict=True):
            yield Place(panel, left, top, width, panel.height)
            left += width
        top += max(panel.height for panel in line)


def _lines(panels: tuple[Panel, ...]) -> Iterator[list[Panel]]:
    """As many panels in a line as fit."""
    line: list[Panel] = []
    for panel in panels:
        if line and sum(one.width for one in line) + panel.width > COLUMNS:
            yield line
            line = []
        line.append(panel)
    if line:
        yield line


def _widths(line: list[Panel]) -> list[int]:
    """Their widths, stretched to the right edge: a gap would look like a panel that failed to load."""
    total = sum(panel.width for panel in line)
    widths = [panel.width * COLUMNS // total for panel in line]
    widths[-1] += COLUMNS - sum(widths)
    return widths
