"""Where panels of open and of collapsed rows stand."""

from __future__ import annotations

from observe.boards.layout import places
from observe.boards.panel import Row, Text


def text(key: str, width: int = 12, height: int = 8) -> Text:
    return Text(key=key, title=key, content=key, width=width, height=height)


FIRST = Row("first", "First", (text("a", height=3), text("b", height=5), text("c", 24, 2)))
LAST = Row("last", "Last", (text("d"),))


def test_open_rows_stand_below_each_other() -> None:
    assert [(place.item.key, place.x, place.y) for place in places((FIRST, LAST))] == [
        ("first", 0, 0), ("a", 0, 1), ("b", 12, 1), ("c", 0, 6), ("last", 0, 8), ("d", 0, 9),
    ]  # fmt: skip


def test_a_collapsed_row_takes_the_room_of_its_heading() -> None:
    collapsed = Row(FIRST.key, FIRST.title, FIRST.panels, collapsed=True)
    assert [(place.item.key, place.x, place.y) for place in places((collapsed, LAST))] == [
        ("first", 0, 0), ("last", 0, 1), ("d", 0, 2),
    ]  # fmt: skip


def test_its_panels_have_the_places_of_the_open_row() -> None:
    """Grafana moves what is below by as much as they are high."""
    heading, *panels = places((FIRST,))
    (collapsed,) = places((Row(FIRST.key, FIRST.title, FIRST.panels, collapsed=True),))
    assert collapsed.inside == tuple(panels)
    assert heading.inside == ()


def test_an_empty_row_is_its_heading() -> None:
    assert [place.y for place in places((Row("empty", "Empty", ()), LAST))] == [0, 1, 2]
