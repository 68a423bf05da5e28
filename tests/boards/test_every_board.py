"""What holds for every panel of every dashboard."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from observe import naming
from observe.alerting import Record, rule_groups
from observe.boards import panel_keys
from observe.boards.layout import COLUMNS, places
from observe.boards.panel import Board, Measured, Panel, Stat, Table, TimeSeries
from observe.graph import Graph
from observe.model import Prometheus
from observe.promql import Aggregation, Binary, Function, Selector
from observe.signals import catalogue
from tests.boards.samples import a_small_mesh, all_boards

if TYPE_CHECKING:
    from observe.model import Inventory
    from observe.promql import Expr
    from tests.servers.prometheus_server import PrometheusServer

MESHES = {
    "sidecars": a_small_mesh(),
    "ambient": a_small_mesh(data_plane="ambient"),
    "scraped rarely": a_small_mesh(prometheus=Prometheus(scrape_interval=90_000)),
    "before 1.30": a_small_mesh(istio_version="1.29"),
}
BOARDS = [
    pytest.param(board, id=f"{name}: {board.title}")
    for name, inventory in MESHES.items()
    for board in all_boards(inventory)
]
every_board = pytest.mark.parametrize("board", BOARDS)


def measured(board: Board) -> list[Measured]:
    return [panel for panel in board.panels if isinstance(panel, Measured)]


def expressions(panel: Measured) -> list[str]:
    return [str(query.expr) for query in panel.queries]


@every_board
def test_keys_and_ids_are_unique(board: Board) -> None:
    """Ids are 24 bits of a hash of the key: two panels of one board must not meet there."""
    keys = [*panel_keys(board), *(row.key for row in board.rows)]
    assert len({naming.panel_id(key) for key in keys}) == len(keys)


@every_board
def test_panels_with_data_say_what_they_show(board: Board) -> None:
    """A title, a description, a query, a legend for each, and words for no data that are no number."""
    for panel in measured(board):
        assert panel.title
        assert panel.description.endswith((".", ")."))
        assert panel.queries
        assert all(query.legend for query in panel.queries)
        assert panel.no_value
        assert not re.search(r"\d", panel.no_value)


@every_board
def test_panels_fill_the_grid_without_overlap(board: Board) -> None:
    """Every cell of the grid belongs to one panel at most, and none lies outside."""
    taken = [
        (x, y)
        for place in places(board.rows)
        for x in range(place.x, place.x + place.width)
        for y in range(place.y, place.y + place.height)
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < COLUMNS


@every_board
def test_lines_of_panels_reach_the_right_edge(board: Board) -> None:
    """A gap would look like a panel that failed to load."""
    lines: dict[int, list[int]] = {}
    for place in places(board.rows):
        lines.setdefault(place.y, []).append(place.width)
    assert {sum(widths) for widths in lines.values()} == {COLUMNS}


@every_board
def test_panels_read_records_and_alerts_alone(board: Board) -> None:
    """A record costs one series per service; the raw series of a mesh are hundreds of thousands."""
    for panel in measured(board):
        for query in panel.queries:
            assert selected_metrics(query.expr) <= RECORDED | {"ALERTS"}, panel.key


def selected_metrics(expr: Expr) -> set[str]:
    """The metrics that an expression selects."""
    match expr:
        case Selector(metric):
            return {metric}
        case Aggregation():
            return selected_metrics(expr.operand)
        case Binary():
            return selected_metrics(expr.left) | selected_metrics(expr.right)
        case Function():
            return set().union(*map(selected_metrics, expr.arguments))
    return set()


def recorded(inventory: Inventory) -> set[str]:
    """The records that the inventory's rules make."""
    groups = rule_groups(Graph(inventory), catalogue(inventory))
    return {rule.name for group in groups for rule in group.rules if isinstance(rule, Record)}


RECORDED = set().union(*map(recorded, MESHES.values()))


@every_board
def test_ranges_are_those_that_are_shown(board: Board) -> None:
    """Records have their windows in their names; what adds them up follows the range of time that is shown."""
    windows = {found for panel in measured(board) for e in expressions(panel) for found in re.findall(r"\[(.+?)\]", e)}
    assert {window for window in windows if not window.startswith("a-z0-9")} <= {"$__range"}


@every_board
def test_boards_load_with_few_queries(board: Board) -> None:
    """What is in a collapsed row asks nothing until somebody opens it; the migration board asks everything twice."""
    assert board.queries_on_load <= (40 if "migration" in board.tags else 33)


@every_board
def test_variables_in_queries_are_declared(board: Board) -> None:
    """A query with an unknown variable would match its name literally, and find nothing."""
    used = {found for panel in measured(board) for e in expressions(panel) for found in re.findall(r"\$(\w+)", e)}
    assert used <= {"__range", *(variable.name for variable in board.variables)}


@every_board
def test_limits_are_drawn_in_the_panels_unit(board: Board) -> None:
    """A share is no percentage and no milliseconds: the line would be out of sight."""
    for panel in measured(board):
        if isinstance(panel, TimeSeries | Stat) and panel.key != "services-below":
            for limit in panel.limits:
                assert (0 < limit.threshold.value < 1) == (panel.unit == "ratio"), panel.key


@every_board
def test_prometheus_runs_every_query(board: Board, prometheus_server: PrometheusServer) -> None:
    """Parsed and evaluated by the real server, with Grafana's variables filled in."""
    values = {"$__range": "1h", "$namespace": ".*", "$baseline": "7d"}
    for panel in measured(board):
        for expression in expressions(panel):
            for variable, value in values.items():
                expression = expression.replace(variable, value)
            assert prometheus_server.query(expression) == []


def test_tables_sort_by_a_column_they_have() -> None:
    tables: list[Table] = [
        panel for board in all_boards(a_small_mesh()) for panel in board.panels if isinstance(panel, Table)
    ]
    for table in tables:
        headings = [key.heading for key in table.keys] + [column.legend for column in table.queries]
        assert table.sort in headings
        assert len(set(headings)) == len(headings)


def test_every_kind_of_panel_is_covered() -> None:
    """The samples are worth something only if they show all there is."""
    kinds: set[type[Panel]] = {type(panel) for board in all_boards(a_small_mesh()) for panel in board.panels}
    assert {kind.__name__ for kind in kinds} == {"TimeSeries", "Stat", "Table", "Text", "Heatmap"}
