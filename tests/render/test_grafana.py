"""Dashboards as Grafana reads them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from observe import naming, policy
from observe.boards.panel import Board, Row, Text
from observe.model import Grafana, Prometheus
from observe.render import grafana
from observe.render.normalise import DATA_SOURCE
from observe.render.text import canonical, to_json
from observe.signals import catalogue
from tests.boards.samples import CHECKOUT, a_small_mesh, all_boards
from tests.render.showcase import EVIDENCE, SHOWCASE
from tests.samples import a_mesh

INVENTORY = a_small_mesh()
BOARDS = [pytest.param(board, id=board.title) for board in (*all_boards(INVENTORY), SHOWCASE)]
every_board = pytest.mark.parametrize("board", BOARDS)
BARE: dict[str, Any] = {"uid": "acme-bare", "title": "Bare", "description": "One panel.", "tags": ()}


def rendered(board: Board, **mesh: Any) -> dict[str, Any]:
    made: dict[str, Any] = orjson.loads(grafana.render(board, a_mesh(**mesh)).content)
    return made


def all_panels(made: dict[str, Any]) -> list[dict[str, Any]]:
    """Headings and panels, those of collapsed rows among them."""
    return [one for panel in made["panels"] for one in (panel, *panel.get("panels", ()))]


def with_data(made: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in all_panels(made) if panel["type"] not in ("row", "text")]


def unit(panel: dict[str, Any]) -> str:
    """The unit of the axis, where values are counted in another."""
    found = panel["options"]["yAxis"] if panel["type"] == "heatmap" else panel["fieldConfig"]["defaults"]
    return str(found["unit"])


def the_board(service: str = "shop / checkout") -> Board:
    return next(board for board in all_boards(INVENTORY) if board.title == service)


def the_panel(key: str, board: Board | None = None) -> dict[str, Any]:
    panels = rendered(board or the_board())["panels"]
    found: dict[str, Any] = next(panel for panel in panels if panel["id"] == naming.panel_id(key))
    return found


@every_board
def test_panels_have_what_a_reader_needs(board: Board) -> None:
    """The rules of Grafana's own dashboard linter, for every panel that shows data."""
    for panel in with_data(rendered(board)):
        assert panel["title"]
        assert panel["description"]
        assert panel["targets"]
        assert panel["fieldConfig"]["defaults"]["noValue"]
        assert panel["type"] == "table" or unit(panel)


@every_board
def test_everything_asks_the_chosen_data_source(board: Board) -> None:
    made = rendered(board)
    for panel in with_data(made):
        assert panel["datasource"] == DATA_SOURCE
        assert all(target["datasource"] == DATA_SOURCE for target in panel["targets"])
    choice, *others = made["templating"]["list"]
    assert (choice["name"], choice["type"], choice["label"]) == ("datasource", "datasource", "Data source")
    queried = [other for other in others if other["type"] == "query"]
    assert all((other["datasource"], other["refresh"]) == (DATA_SOURCE, 2) for other in queried)


@every_board
def test_queries_have_their_own_letters_and_a_legend(board: Board) -> None:
    for panel in with_data(rendered(board)):
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == list("ABCDEFGH"[: len(letters)])
        assert all(target["legendFormat"] for target in panel["targets"])


@every_board
def test_ids_are_the_keys_own(board: Board) -> None:
    """Explicit, so that Grafana gives none of its own."""
    made = rendered(board)
    keys = [key for row in board.rows for key in (row.key, *(panel.key for panel in row.panels))]
    assert [panel["id"] for panel in all_panels(made)] == [naming.panel_id(key) for key in keys]


def test_a_panel_that_comes_before_others_renumbers_none() -> None:
    """Links in last month's pages still open the right panel."""
    board = the_board()
    new = Row("row-new", "New", (Text(key="new", title="New", content="new"),))
    before = {panel["id"]: panel["title"] for panel in rendered(board)["panels"]}
    after = {panel["id"]: panel["title"] for panel in rendered(replace(board, rows=(new, *board.rows)))["panels"]}
    assert before.items() <= after.items()
    assert len(after) == len(before) + 2


def test_lines_are_at_the_policys_thresholds() -> None:
    signals, limits = catalogue(INVENTORY), policy.thresholds(CHECKOUT)
    drawn = {
        signals.errors.id: ("orange", limits.error_rate.value),
        signals.fast_errors.id: ("red", limits.error_rate_critical.value),
        signals.latency(0.9).id: ("orange", limits.latency.value),
        signals.ejections.id: ("orange", limits.ejections.value),
        signals.coverage.id: ("orange", limits.mtls.value),
    }
    for key, (colour, value) in drawn.items():
        defaults = the_panel(key)["fieldConfig"]["defaults"]
        base, line = defaults["thresholds"]["steps"]
        assert base == {"color": "transparent", "value": None}
        assert line == {"color": colour, "value": value}
        assert defaults["custom"]["thresholdsStyle"] == {"mode": "dashed"}


@pytest.mark.parametrize(
    ("signal", "soft", "hard"),
    [
        pytest.param("errors", 0.03, None, id="the line is in sight however few fail"),
        pytest.param("coverage", 1, 1, id="no share is above one"),
        pytest.param("ejections", None, None, id="an axis that ends at 0 shows nothing"),
        pytest.param("rate", None, None, id="no line, no end"),
    ],
)
def test_where_the_axis_ends(signal: str, soft: float | None, hard: float | None) -> None:
    defaults = the_panel(getattr(catalogue(INVENTORY), signal).id)["fieldConfig"]["defaults"]
    assert (defaults["custom"].get("axisSoftMax"), defaults.get("max"), defaults["min"]) == (soft, hard, 0)


def test_a_stat_is_coloured_by_which_side_is_good() -> None:
    signals = catalogue(INVENTORY)
    errors = the_panel(f"now-{signals.errors.id}")["fieldConfig"]["defaults"]["thresholds"]["steps"]
    coverage = the_panel(f"now-{signals.coverage.id}")["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert errors == [
        {"color": "green", "value": None}, {"color": "orange", "value": 0.03}, {"color": "red", "value": 0.12},
    ]  # fmt: skip
    assert coverage == [{"color": "orange", "value": None}, {"color": "green", "value": 0.95}]


def test_stats_and_tables_ask_for_the_present_only() -> None:
    """The last value of a range query may be an hour old."""
    for board in (*all_boards(INVENTORY), SHOWCASE):
        for panel in with_data(rendered(board)):
            instant = panel["type"] in ("stat", "table")
            assert {(target["instant"], target["range"]) for target in panel["targets"]} == {(instant, not instant)}


def test_a_table_joins_its_queries_and_names_its_columns() -> None:
    panel = the_panel("services", the_board("acme: mesh overview"))
    merge, organize = panel["transformations"]
    assert merge["id"] == "merge"
    assert organize["options"]["renameByName"] == {
        "destination_service_namespace": "Namespace",
        "destination_service_name": "Service",
        "Value #A": "Request rate",
        "Value #B": "Error rate",
        "Value #C": "P99 latency",
        "Value #D": "mTLS coverage",
    }
    assert organize["options"]["excludeByName"] == {"Time": True}
    units = {
        override["matcher"]["options"]: each["value"]
        for override in panel["fieldConfig"]["overrides"]
        for each in override["properties"]
        if each["id"] == "unit"
    }
    assert units == {
        "Request rate": "reqps",
        "Error rate": "percentunit",
        "P99 latency": "ms",
        "mTLS coverage": "percentunit",
    }


def test_a_table_with_one_query_knows_what_grafana_calls_its_values() -> None:
    """`Value`, where several would be `Value #A` and so on."""
    alone = Board(**BARE, rows=(Row("row", "Row", (replace(EVIDENCE, queries=EVIDENCE.queries[:1]),)),))
    organize = the_panel(EVIDENCE.key, alone)["transformations"][1]
    assert organize["options"]["renameByName"] == {
        "Value": "Covered",
        "destination_service_namespace": "Namespace",
        "destination_service_name": "Service",
    }


def test_the_namespace_variable() -> None:
    _, variable = rendered(the_board("acme: mesh overview"))["templating"]["list"]
    assert variable == {
        "allValue": ".+",
        "current": {"text": ["All"], "value": ["$__all"]},
        "datasource": DATA_SOURCE,
        "definition": "label_values(service:istio_requests:rate5m, destination_service_namespace)",
        "hide": 0,
        "includeAll": True,
        "label": "Namespace",
        "multi": True,
        "name": "namespace",
        "options": [],
        "query": {
            "qryType": 1,
            "query": "label_values(service:istio_requests:rate5m, destination_service_namespace)",
            "refId": "PrometheusVariableQueryEditor-VariableQuery",
        },
        "refresh": 2,
        "sort": 1,
        "type": "query",
    }


def test_the_frame() -> None:
    made = rendered(the_board("acme: mTLS coverage"))
    assert made["uid"] == naming.mtls_uid("acme")
    assert made["time"] == {"from": "now-24h", "to": "now"}
    assert (made["timezone"], made["refresh"], made["graphTooltip"], made["editable"]) == ("utc", "15m", 1, False)
    assert not {"id", "version", "rows", "__inputs", "style", "gnetId", "hideControls"} & set(made)


def test_links_lead_to_one_board_or_to_all_with_a_tag() -> None:
    links = rendered(SHOWCASE)["links"]
    assert [(link["type"], link["url"], link["tags"]) for link in links] == [
        ("link", f"/d/{naming.overview_uid('acme')}", []),
        ("dashboards", "", ["observe-pack-acme"]),
    ]


@pytest.mark.parametrize(("version", "schema"), [(10, 38), (11, 39), (12, 42), (13, 42)])
def test_the_schema_follows_the_oldest_grafana(version: int, schema: int) -> None:
    made = rendered(the_board(), grafana=Grafana(version=version))
    assert made["schemaVersion"] == schema


def test_the_least_step_is_the_scrape_interval() -> None:
    """Grafana makes `$__rate_interval` four times it."""
    made = rendered(the_board(), prometheus=Prometheus(scrape_interval=45_000))
    assert {target["interval"] for panel in with_data(made) for target in panel["targets"]} == {"45s"}


@every_board
def test_the_hash_is_of_all_but_itself(board: Board) -> None:
    """Whoever reads a dashboard back can tell whether it was changed by hand."""
    content, digest = grafana.render(board, a_mesh())
    made = orjson.loads(content)
    assert made["tags"][-3:] == ["observe", "observe-pack-acme", naming.hash_tag(digest)]
    made["tags"].remove(naming.hash_tag(digest))
    assert naming.digest(canonical(made)) == digest


@every_board
def test_the_same_board_gives_the_same_bytes(board: Board) -> None:
    """Whether panels come from a mould or not: the mould is emptied in between."""
    first = grafana.render(board, a_mesh())
    grafana._mould.cache_clear()
    assert grafana.render(board, a_mesh()) == first
    assert first.content == to_json(orjson.loads(first.content))


def test_moulds_keep_nothing_of_the_panel_before() -> None:
    """Rendered after another service, a board is what it is when rendered first."""
    boards = all_boards(INVENTORY)
    alone = []
    for board in boards:
        grafana._mould.cache_clear()
        alone.append(grafana.render(board, a_mesh()))
    assert [grafana.render(board, a_mesh()) for board in boards] == alone
