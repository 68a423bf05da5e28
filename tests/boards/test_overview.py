"""The mesh overview: what it shows, and which lines it dares to draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from observe.boards import panel_keys
from observe.boards.overview import overview
from observe.boards.panel import Measured, Table, TimeSeries, Variable
from observe.model import LatencyObjective, Objectives
from observe.signals import catalogue
from tests.boards.samples import DATABASE, WEBHOOK, a_small_mesh
from tests.samples import a_service, an_inventory

if TYPE_CHECKING:
    from observe.boards import Board
    from observe.model import Inventory, Service


def overview_of(inventory: Inventory) -> Board:
    return overview(inventory, catalogue(inventory))


def lines(*services: Service) -> dict[str, list[float]]:
    """The lines on each graph of the overview."""
    shown = overview_of(an_inventory(*services)).panels
    graphs = [panel for panel in shown if isinstance(panel, TimeSeries)]
    return {panel.key: [limit.threshold.value for limit in panel.limits] for panel in graphs}


def test_the_questions_it_answers() -> None:
    keys = set(panel_keys(overview_of(a_small_mesh())))
    signals = catalogue(a_small_mesh())
    shown = (signals.rate, signals.errors, signals.fast_errors, signals.latency(0.99), signals.ejections)
    assert {signal.id for signal in (*shown, signals.overflow, signals.coverage)} <= keys
    assert {"mesh-latency", "services"} <= keys


@pytest.mark.parametrize(
    ("objectives", "errors", "critical", "latency"),
    [
        pytest.param((Objectives(), Objectives()), [0.05], [0.2], [2_000], id="all share the defaults"),
        pytest.param((Objectives(), Objectives(error_rate=0.01)), [], [], [2_000], id="error rates differ"),
        pytest.param(
            (Objectives(), Objectives(latency=LatencyObjective(limit=900))), [0.05], [0.2], [], id="limits differ"
        ),
        pytest.param(
            (Objectives(), Objectives(latency=LatencyObjective(quantile=0.95))),
            [0.05],
            [0.2],
            [],
            id="one promises P95, so a line for P99 is not true for it",
        ),
    ],
)
def test_a_line_is_drawn_where_it_is_true_for_every_service(
    objectives: tuple[Objectives, Objectives], errors: list[float], critical: list[float], latency: list[float]
) -> None:
    one, other = objectives
    drawn = lines(a_service("one", objectives=one), a_service("other", objectives=other))
    assert drawn["error-ratio-5m"] == errors
    assert drawn["error-ratio-2m"] == critical
    assert drawn["latency-p99-5m"] == latency
    assert drawn["mtls-coverage-5m"] == [0.95]
    assert drawn["ejections"] == [0]


def test_services_without_requests_have_no_say_in_request_lines() -> None:
    """A database's default objectives are promised by nobody."""
    strict = a_service("one", objectives=Objectives(error_rate=0.01))
    assert lines(strict, DATABASE)["error-ratio-5m"] == [0.01]


def test_no_services_no_lines() -> None:
    assert set(map(tuple, lines().values())) == {()}


def test_every_query_keeps_to_the_chosen_namespaces() -> None:
    """But for the alerts, which are of the whole mesh."""
    for panel in overview_of(a_small_mesh()).panels:
        assert isinstance(panel, Measured)
        if panel.key == "alerts-firing":
            continue
        assert all('destination_service_namespace=~"$namespace"' in str(query.expr) for query in panel.queries)


def test_namespaces_come_from_the_recorded_request_rate() -> None:
    """Raw series hold whatever Host header a client sent."""
    (variable,) = overview_of(a_small_mesh()).variables
    assert isinstance(variable, Variable)
    assert (variable.metric, variable.label) == ("service:istio_requests:rate5m", "destination_service_namespace")


def test_a_service_leads_to_its_dashboard_by_name() -> None:
    """Uids hold a hash, which no link can compute; the title holds the name."""
    table = overview_of(a_small_mesh()).panels[-1]
    assert isinstance(table, Table)
    (link,) = [key.link for key in table.keys if key.link]
    assert link == "/dashboards?tag=observe-pack-acme&query=${__data.fields.Service:percentencode}"
    assert table.keys[1].heading == "Service"


def test_the_boards_of_the_mesh_are_one_click_away() -> None:
    links = overview_of(an_inventory(WEBHOOK)).links
    assert [link.title for link in links if link.uid] == [
        "Mesh overview", "Resilience", "mTLS coverage", "Ingress", "Control plane", "Migration",
    ]  # fmt: skip
    assert [link.tag for link in links if not link.uid] == ["observe-pack-acme"]
