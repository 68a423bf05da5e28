"""What holds for every panel of every dashboard."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from observe import naming
from observe.boards import panel_keys
from observe.boards.layout import COLUMNS, places
from observe.boards.panel import Board, Measured, Panel, Stat, Table, TimeSeries
from observe.model import Prometheus
from tests.boards.samples import a_small_mesh, all_boards

if TYPE_CHECKING:
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
def test_raw_series_are_read_only_where_no_record_tells(board: Board) -> None:
    """A record costs one series per service; the raw series of a mesh are hundreds of thousands."""
    split_by = re.compile(r"by \((source_workload|response_|grpc_|destination_service_namespace, d)|upstream_rq_retry")
    for panel in measured(board):
        for expression in expressions(panel):
            if re.search(r"\b(istio_requests|istio_request_duration|istio_tcp|envoy_)", bare(expression)):
                assert split_by.search(expression), f"{panel.key}: {expression}"


def bare(expression: str) -> str:
    """The expression without recorded series, whose names contain those of raw ones."""
    return re.sub(r"service:[a-z_:0-9]+", "", expression)


@every_board
def test_rates_of_raw_series_follow_the_graphs_step(board: Board) -> None:
    """A fixed window would leave out what happens between two points of a wide graph."""
    windows = {found for panel in measured(board) for e in expressions(panel) for found in re.findall(r"\[(.+?)\]", e)}
    ranges = {window for window in windows if not window.startswith(("0-9", "^"))}
    assert ranges <= {"$__rate_interval", "$__range"}


@every_board
def test_variables_in_queries_are_declared(board: Board) -> None:
    """A query with an unknown variable would match its name literally, and find nothing."""
    used = {found for panel in measured(board) for e in expressions(panel) for found in re.findall(r"\$(\w+)", e)}
    assert used <= {"__rate_interval", "__range", *(variable.name for variable in board.variables)}


@every_board
def test_limits_are_drawn_in_the_panels_unit(board: Board) -> None:
    """A share is no percentage and no milliseconds: the line would be out of sight."""
    for panel in measured(board):
        if isinstance(panel, TimeSeries | Stat) and panel.key != "services-below":
            for limit in panel.limits:
                assert (limit.threshold.value < 1) == (panel.unit != "milliseconds")


@every_board
def test_prometheus_runs_every_query(board: Board, prometheus_server: PrometheusServer) -> None:
    """Parsed and evaluated by the real server, with Grafana's variables filled in."""
    values = {"$__rate_interval": "5m", "$__range": "1h", "$namespace": ".*"}
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
    assert {kind.__name__ for kind in kinds} == {"TimeSeries", "Stat", "Table", "Text"}
