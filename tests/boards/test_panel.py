"""What a board says of itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from observe.boards.panel import AlertMarks, Board, panel_keys
from observe.promql import Matcher
from tests.render.showcase import COMPARED, EVIDENCE, HEATMAP, SHOWCASE, STACKED, UNITS

OPEN = 3 + 3 + 1 + 1 + 1 + len(UNITS)
"""The queries of the showcase's open rows: compared, stacked, heatmap, number, word, and one for each unit."""


def opened(board: Board, key: str) -> Board:
    return replace(board, rows=tuple(replace(row, collapsed=row.collapsed and row.key != key) for row in board.rows))


@pytest.mark.parametrize(
    ("board", "queries"),
    [
        pytest.param(SHOWCASE, OPEN + 2 + 1, id="two variables and the alerts that are shown"),
        pytest.param(opened(SHOWCASE, "row-closed"), OPEN + 2 + 1 + 3, id="a row that is opened asks too"),
        pytest.param(replace(SHOWCASE, marks=()), OPEN + 2, id="no marks"),
        pytest.param(replace(SHOWCASE, variables=SHOWCASE.variables[2:]), OPEN + 1, id="what is known needs no query"),
        pytest.param(replace(SHOWCASE, rows=()), 3, id="no panels"),
    ],
)
def test_how_many_queries_opening_a_board_costs(board: Board, queries: int) -> None:
    assert board.queries_on_load == queries


def test_panels_of_collapsed_rows_can_be_linked_to() -> None:
    assert {COMPARED.key, STACKED.key, HEATMAP.key, EVIDENCE.key} <= set(panel_keys(SHOWCASE))


def test_marks_are_of_alerts_that_fire_and_not_of_pending_ones() -> None:
    marks = AlertMarks(title="any", matchers=(Matcher("team", "=", "shop"),), severity="warning")
    firing = 'ALERTS{alertstate="firing", severity="warning", team="shop"}'
    assert str(marks.expr) == f"group by (alertname, severity) ({firing})", "one mark, however many services"
