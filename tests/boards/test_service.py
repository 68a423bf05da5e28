"""The dashboard of one service, and the alerts that link to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from observe import alerting, naming, policy
from observe.alerting import Alert
from observe.boards import panel_keys
from observe.boards.panel import Board, Measured, Stat, Text, TimeSeries
from observe.boards.service import service_board
from observe.graph import Graph
from observe.model import Call, Endpoint, ExternalHost, Grafana, Inventory, Objectives, Outside, Prometheus, Service
from observe.promql import Binary, Number, Selector
from observe.signals import catalogue
from tests.boards.samples import CHECKOUT, DATABASE, LEGACY, PLAIN, USERS, WEBHOOK, a_small_mesh
from tests.samples import HTTP, TCP, a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.promql import Expr

SERVICES = [pytest.param(each, id=each.name) for each in (CHECKOUT, USERS, DATABASE, WEBHOOK, PLAIN, LEGACY)]
INVENTORY = a_small_mesh()


def board_of(service: Service, inventory: Inventory = INVENTORY) -> Board:
    return service_board(inventory, Graph(inventory), catalogue(inventory), service)


def alerts_of(service: Service) -> list[Alert]:
    groups = alerting.service_rules(Graph(INVENTORY), catalogue(INVENTORY), service)
    return [rule for group in groups for rule in group.rules if isinstance(rule, Alert)]


def panel_of(service: Service, key: str) -> TimeSeries:
    found = next(panel for panel in board_of(service).panels if panel.key == key)
    assert isinstance(found, TimeSeries)
    return found


def linked(service: Service, alert: Alert) -> TimeSeries:
    """The panel that the alert's page opens."""
    address = urlsplit(dict(alert.annotations)["panel_url"])
    board = board_of(service)
    assert address.path == f"/d/{board.uid}"
    (wanted,) = parse_qs(address.query)["viewPanel"]
    key = next(key for key in panel_keys(board) if naming.panel_id(key) == int(wanted.removeprefix("panel-")))
    return panel_of(service, key)


def compared(condition: Expr) -> Iterator[tuple[str, float]]:
    """The series that an alert reads and compares, with the numbers."""
    match condition:
        case Binary(operator, Selector() as series, Number(value)) if operator in "<>":
            yield str(series), value
        case Binary("and" | "or", left, _):
            yield from compared(left)


@pytest.mark.parametrize("service", SERVICES)
def test_alerts_open_a_panel_that_shows_what_they_read_and_compare_with(service: Service) -> None:
    """The recorded series is plotted as it is, and a line is at the very number of the rule."""
    compare = 0
    for alert in alerts_of(service):
        panel = linked(service, alert)
        for series, number in compared(alert.expression):
            assert series in [str(query.expr) for query in panel.queries], alert.name
            if alert.name not in COUNTED:
                assert (number, alert.severity) in [(limit.threshold.value, limit.severity) for limit in panel.limits]
                compare += 1
    assert compare >= len(alerts_of(service)) // 4


COUNTED = (
    "ServiceEjectionsDenied",
    "ServicePlaintextCaller",
    "ServiceTelemetryLost",
    "ServiceConnectionPoolOverflowing",
)
"""Alerts on anything at all above chance: no line could be told from the axis."""


def test_thresholds_are_the_policys_own_objects() -> None:
    signals, limits = catalogue(INVENTORY), policy.thresholds(CHECKOUT)
    drawn = {
        signals.errors.id: limits.error_rate,
        signals.fast_errors.id: limits.error_rate_critical,
        signals.latency(0.9).id: limits.latency,
        signals.ejections.id: limits.ejections,
        signals.coverage.id: limits.mtls,
    }
    assert {key: panel_of(CHECKOUT, key).limits[0].threshold for key in drawn} == drawn


def test_where_both_windows_are_one_so_are_the_panels() -> None:
    """At a scrape every 90 s both windows are 6 minutes: the same series, with both lines."""
    rarely = a_small_mesh(prometheus=Prometheus(scrape_interval=90_000))
    shown = [panel for panel in board_of(CHECKOUT, rarely).panels if panel.key.startswith("error-ratio-")]
    assert [panel.key for panel in shown] == ["error-ratio-6m"]
    assert isinstance(shown[0], TimeSeries)
    assert [limit.threshold.value for limit in shown[0].limits] == [0.03, 0.12]


def test_a_description_says_what_the_lines_are() -> None:
    description = panel_of(CHECKOUT, catalogue(INVENTORY).latency(0.9).id).description
    assert description.endswith("700ms is the warning threshold (objectives.latency.limit). Empty: no traffic.")


def test_latency_shows_the_objectives_quantile_among_the_usual_ones() -> None:
    """The objective is at P90, so the panel is P90's."""
    panel = panel_of(CHECKOUT, "latency-p90-5m")
    assert [query.legend for query in panel.queries] == ["P50 latency", "P90 latency", "P95 latency", "P99 latency"]


def test_an_exception_is_judged_by_callers_in_the_mesh_and_shows_all() -> None:
    """What was excepted stays in sight, beside what the alert reads."""
    panel = panel_of(WEBHOOK, catalogue(INVENTORY).coverage_inside.id)
    assert [query.legend for query in panel.queries] == ["mTLS coverage of callers in the mesh", "mTLS coverage"]


def test_where_plaintext_is_wanted_no_line_is_drawn() -> None:
    assert panel_of(PLAIN, catalogue(INVENTORY).coverage_inside.id).limits == ()


@pytest.mark.parametrize(
    ("service", "absent"),
    [
        pytest.param(DATABASE, {"row-requests", "row-responses", "row-objectives"}, id="TCP has no single requests"),
        pytest.param(LEGACY, {"row-callees", "row-mtls", "row-proxies"}, id="only its own proxy would know"),
        pytest.param(CHECKOUT, set(), id="everything"),
    ],
)
def test_rows_without_data_are_left_out(service: Service, absent: set[str]) -> None:
    everything = {
        "row-now", "row-requests", "row-callers", "row-callees", "row-responses", "row-resilience", "row-mtls",
        "row-objectives", "row-pools", "row-proxies",
    }  # fmt: skip
    assert {row.key for row in board_of(service).rows} == everything - absent


def queries(service: Service, key: str, inventory: Inventory = INVENTORY) -> list[str]:
    found = next(panel for panel in board_of(service, inventory).panels if panel.key == key)
    assert isinstance(found, Measured)
    return [str(query.expr) for query in found.queries]


def test_callers_are_those_of_this_service() -> None:
    (query,) = queries(CHECKOUT, "callers-rate")
    assert query == (
        'edge:istio_requests:rate5m{destination_service_namespace="shop", destination_service_name="checkout"}'
    )


def test_callees_are_those_that_the_services_own_workload_calls() -> None:
    (query,) = queries(CHECKOUT, "callees-rate")
    assert query == 'edge:istio_requests:rate5m{source_workload_namespace="shop", source_workload="checkout"}'


MAIL = ExternalHost(host="smtp.example.com", port=587, protocol="tcp", addresses=("192.0.2.1",))
BANK = ExternalHost(host="api.example.com")
RATES = ExternalHost(host="rates.example.com", port=80, protocol="http")
BOTH = a_service("both", ports=(HTTP, TCP))


@pytest.mark.parametrize(
    ("calls", "hosts", "shown"),
    [
        pytest.param(("shop/users",), (), True, id="a service that takes requests"),
        pytest.param(("data/orders-db", "shop/users"), (MAIL,), True, id="one among others"),
        pytest.param((), (RATES,), True, id="a host over plain HTTP"),
        pytest.param(("data/orders-db",), (MAIL,), False, id="TCP alone"),
        pytest.param((), (BANK,), False, id="TLS that the mesh cannot look into"),
        pytest.param((), (), False, id="nothing"),
    ],
)
def test_callees_are_shown_where_the_mesh_sees_requests_to_them(
    calls: tuple[str, ...], hosts: tuple[ExternalHost, ...], *, shown: bool
) -> None:
    caller = a_service("caller", calls=tuple(Call(service=name) for name in calls), external_hosts=hosts)
    assert shows_callees(caller, an_inventory(caller, USERS, DATABASE)) is shown


@pytest.mark.parametrize(("port", "shown"), [(HTTP.number, True), (TCP.number, False), (None, True)])
def test_of_a_service_with_several_ports_the_one_that_is_called_decides(port: int | None, *, shown: bool) -> None:
    caller = a_service("caller", calls=(Call(service="shop/both", port=port),))
    assert shows_callees(caller, an_inventory(caller, BOTH)) is shown


@pytest.mark.parametrize("waypoints", [True, False])
def test_in_ambient_requests_to_callees_are_seen_by_waypoints_alone(*, waypoints: bool) -> None:
    caller = a_service("caller", calls=(Call(service="shop/users"),), external_hosts=(RATES,))
    mesh = a_mesh(data_plane="ambient", waypoints=waypoints)
    assert shows_callees(caller, an_inventory(caller, USERS, mesh=mesh)) is waypoints


def shows_callees(service: Service, inventory: Inventory) -> bool:
    shown = {panel.key for panel in board_of(service, inventory).panels} & {"callees-rate", "callees-errors"}
    assert len(shown) in (0, 2)
    return bool(shown)


def test_where_nobody_sees_requests_the_board_is_about_connections() -> None:
    """An HTTP service in ambient, without a waypoint: what ztunnel reports, with the alert that goes with it."""
    service = a_service("checkout", objectives=Objectives(availability=0.999))
    inventory = an_inventory(service, mesh=a_mesh(data_plane="ambient", waypoints=False, istio_version="1.29"))
    board = board_of(service, inventory)
    titles = {panel.title for panel in board.panels if isinstance(panel, Measured)}
    assert {"New TCP connections", "Failed share of TCP connections", "Connections by caller"} <= titles
    assert not {title for title in titles if re.search(r"request|Latency|Error rate|retries|ejection", title)}
    rules = alerting.service_rules(Graph(inventory), catalogue(inventory), service)
    assert [rule.name for group in rules for rule in group.rules] == [
        "ServiceConnectionsFailing",
        "ServiceMtlsCoverageLow",
        "ServicePlaintextCaller",
    ]
    (about,) = (panel for panel in board.panels if isinstance(panel, Text))
    assert "What is seen" in about.content
    assert "Circuit breaker" not in about.content


def test_connections_by_caller_are_those_that_callers_report() -> None:
    """Of a service without a proxy nobody else does."""
    database = 'destination_service_namespace="data", destination_service_name="orders-db"'
    assert queries(DATABASE, "callers-connections") == [f"edge:istio_tcp_connections:rate2m{{{database}}}"]


def test_grpc_responses_are_split_by_status() -> None:
    """A failed call has HTTP code 200."""
    (query,) = queries(USERS, "response-codes")
    assert query.startswith("sum by (grpc_response_status, response_code) (")


def test_only_instance_has_no_panel_of_ejections() -> None:
    alone = board_of(a_service("alone", replicas=1))
    assert {panel.title for panel in alone.panels if panel.title == "Circuit breaker ejections"} == set()
    assert "no instance is ever ejected" in about(a_service("alone", replicas=1))


def about(service: Service, *others: Service) -> str:
    inventory = an_inventory(service, *others)
    text = next(panel for panel in board_of(service, inventory).panels if isinstance(panel, Text))
    return text.content


def test_the_header_says_what_was_declared() -> None:
    text = next(panel for panel in board_of(CHECKOUT).panels if isinstance(panel, Text)).content
    users = naming.service_uid("acme", "shop", "users")
    for fact in (
        "**shop/checkout** · owner **team-a** · tier **high** · role **sync**",
        "at most 3% of requests fail, 90% are faster than 700ms",
        policy.route(an_inventory(CHECKOUT), CHECKOUT).reason,
        f"[users](https://grafana.example.com/d/{users})",
        "[data/orders-db](",
        "| Called by | none declared |",
    ):
        assert fact in text


def test_neighbours_are_named_once() -> None:
    """Two calls of one service, to two ports, are one neighbour."""
    twice = a_service("twice", calls=(Call(service="shop/users", port=9000), Call(service="shop/users", port=9001)))
    assert about(twice, USERS).count("[users](") == 1


HOSTILE = "a | b `c` {{d}} ${datasource} $namespace [[datasource]] <script>e</script> **f** [g](http://h) \\ &amp; _i_"


def test_what_users_wrote_stays_text() -> None:
    """No variable of Grafana's, no Markdown, no HTML: every character with a meaning is a reference to itself."""
    text = about(a_service(description=HOSTILE))
    (line,) = [line for line in text.splitlines() if "datasource" in line]
    assert not set(re.sub(r"&#\d+;", "", line)) & set("|`{}$[]<>*\\&_()\"'")
    assert re.sub(r"&#(\d+);", lambda found: chr(int(found.group(1))), line) == HOSTILE


def test_hostile_paths_do_not_break_the_table() -> None:
    """A path may hold what Markdown and Grafana would read."""
    endpoints = (Endpoint(method="GET", path="/a/{id}/$namespace/*b*/_c_"),)
    row = next(line for line in about(a_service(endpoints=endpoints)).splitlines() if line.startswith("| Endpoints"))
    assert row == "| Endpoints | GET /a/&#123;id&#125;/&#36;namespace/&#42;b&#42;/&#95;c&#95; |"


def test_stats_show_the_present() -> None:
    shown = [panel for panel in board_of(CHECKOUT).panels if isinstance(panel, Stat)]
    assert [panel.title for panel in shown] == ["Request rate", "Error rate", "P90 latency", "mTLS coverage"]


def test_a_service_of_connections_shows_whether_they_fail() -> None:
    """It has no error rate: without these two its page would look healthy while nobody can reach it."""
    shown = {panel.title: panel for panel in board_of(DATABASE).panels if isinstance(panel, Stat)}
    assert list(shown) == ["New TCP connections", "Failed share of TCP connections", "mTLS coverage"]
    (limit,) = shown["Failed share of TCP connections"].limits
    assert (limit.severity, limit.threshold) == ("critical", policy.thresholds(DATABASE).connections)


def test_it_promises_only_what_can_be_measured() -> None:
    assert "| Objectives | at most 20% of connections fail |" in about(DATABASE)
    assert "| Objectives | at most 3% of requests fail, 90% are faster than 700ms |" in about(CHECKOUT, USERS, DATABASE)


def test_budgets_are_over_the_days_that_the_mesh_counts() -> None:
    promising = a_service("checkout", objectives=Objectives(availability=0.999))
    inventory = an_inventory(promising, mesh=a_mesh(objective_days=28))
    text = next(panel for panel in board_of(promising, inventory).panels if isinstance(panel, Text)).content
    assert "99.9% good over 28 days" in text


def test_the_lines_of_a_budget_have_the_colour_of_their_alert() -> None:
    """What pages is red, what is a ticket is orange; the windows are told apart in the legend."""
    promising = a_service("checkout", objectives=Objectives(availability=0.999))
    (row,) = (row for row in board_of(promising, an_inventory(promising)).rows if row.key == "row-objectives")
    drawn = {
        tuple(query.legend for query in panel.queries): panel.limits[0].severity
        for panel in row.panels
        if isinstance(panel, TimeSeries) and panel.key.startswith("requests-failed-")
    }
    assert drawn == {
        ("over 1h", "over 5m"): "critical", ("over 6h", "over 30m"): "critical",
        ("over 1d", "over 2h"): "warning", ("over 3d", "over 6h"): "warning",
    }  # fmt: skip


def test_what_no_proxy_can_name_has_no_panel_of_retries() -> None:
    """Envoy's statistics have no name for a service outside the cluster: these panels would stay empty for ever."""
    outside = a_service("mainframe", in_mesh=False, outside=Outside(host="mainframe.example.com"))
    board = board_of(outside, an_inventory(outside))
    assert not [panel.key for panel in board.panels if "retr" in panel.key]


def test_without_grafanas_address_links_stay_within_it() -> None:
    inventory = an_inventory(CHECKOUT, USERS, DATABASE, mesh=a_mesh(grafana=Grafana()))
    text = next(panel for panel in board_of(CHECKOUT, inventory).panels if isinstance(panel, Text)).content
    assert f"[users](/d/{naming.service_uid('acme', 'shop', 'users')})" in text
