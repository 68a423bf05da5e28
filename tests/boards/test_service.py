"""The dashboard of one service, and the alerts that link to it."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from observe import alerting, boards, naming, policy
from observe.alerting import Alert
from observe.boards.panel import Board, Measured, Stat, Text, TimeSeries
from observe.graph import Graph
from observe.model import Call, Endpoint, Grafana, Inventory, Prometheus, Service
from observe.promql import Binary, Selector
from observe.signals import catalogue
from tests.boards.samples import CHECKOUT, DATABASE, LEGACY, PLAIN, USERS, WEBHOOK, a_small_mesh
from tests.samples import a_mesh, a_service, an_inventory

SERVICES = [pytest.param(each, id=each.name) for each in (CHECKOUT, USERS, DATABASE, WEBHOOK, PLAIN, LEGACY)]
INVENTORY = a_small_mesh()


def board_of(service: Service, inventory: Inventory = INVENTORY) -> Board:
    return boards.service_board(inventory, Graph(inventory), catalogue(inventory), service)


def alerts_of(service: Service) -> list[Alert]:
    group = alerting.service_alerts(INVENTORY.mesh, catalogue(INVENTORY), service)
    return [rule for rule in group.rules if isinstance(rule, Alert)]


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
    key = next(key for key in boards.panel_keys(board) if naming.panel_id(key) == int(wanted.removeprefix("panel-")))
    return panel_of(service, key)


def compared(alert: Alert) -> tuple[str, float]:
    """The series that an alert reads, and the number that it compares with."""
    condition = alert.expression
    while isinstance(condition, Binary) and condition.operator == "and":
        condition = condition.left
    assert isinstance(condition, Binary)
    assert isinstance(condition.left, Selector)
    return str(condition.left), float(str(condition.right))


@pytest.mark.parametrize("service", SERVICES)
def test_alerts_open_a_panel_that_shows_what_they_read_and_compare_with(service: Service) -> None:
    """The recorded series is plotted as it is, and the line is at the very number of the rule."""
    for alert in alerts_of(service):
        series, number = compared(alert)
        panel = linked(service, alert)
        assert series in [str(query.expr) for query in panel.queries]
        assert [(limit.threshold.value, limit.severity) for limit in panel.limits] == [(number, alert.severity)]


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
    assert description.endswith("700ms is the warning threshold (objectives.latency.limit).")


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
        pytest.param(DATABASE, {"row-requests", "row-responses"}, id="TCP has no single requests"),
        pytest.param(LEGACY, {"row-callees", "row-mtls"}, id="only its own proxy would know"),
        pytest.param(CHECKOUT, set(), id="everything"),
    ],
)
def test_rows_without_data_are_left_out(service: Service, absent: set[str]) -> None:
    everything = {
        "row-now", "row-requests", "row-callers", "row-callees", "row-responses", "row-resilience", "row-mtls",
    }  # fmt: skip
    assert {row.key for row in board_of(service).rows} == everything - absent


def queries(service: Service, key: str, inventory: Inventory = INVENTORY) -> list[str]:
    found = next(panel for panel in board_of(service, inventory).panels if panel.key == key)
    assert isinstance(found, Measured)
    return [str(query.expr) for query in found.queries]


def test_callers_are_counted_once() -> None:
    """By the caller's report; callers without a proxy report nothing, so theirs is the callee's."""
    (query,) = queries(CHECKOUT, "callers-rate")
    ours = 'destination_service_namespace="shop", destination_service_name="checkout"'
    assert query == (
        "sum by (source_workload_namespace, source_workload) ("
        f'rate(istio_requests_total{{reporter="source", {ours}}}[$__rate_interval]) or '
        f'rate(istio_requests_total{{reporter="destination", source_workload="unknown", {ours}}}[$__rate_interval]))'
    )


def test_callees_are_seen_by_the_services_own_proxy() -> None:
    (query,) = queries(CHECKOUT, "callees-rate")
    assert query == (
        "sum by (destination_service_namespace, destination_service_name) ("
        'rate(istio_requests_total{reporter="source", source_workload_namespace="shop", source_workload="checkout"}'
        "[$__rate_interval]))"
    )


def test_in_ambient_the_waypoint_reports_both_sides() -> None:
    ambient = a_small_mesh(data_plane="ambient")
    for key in ("callers-rate", "callees-rate"):
        (query,) = queries(CHECKOUT, key, ambient)
        assert re.findall(r'reporter="(\w+)"', query) == ["waypoint"]


def test_grpc_responses_are_split_by_status() -> None:
    """A failed call has HTTP code 200."""
    (query,) = queries(USERS, "response-codes")
    assert query.startswith("sum by (grpc_response_status, response_code) (")
    (query,) = queries(USERS, "callers-errors")
    assert 'grpc_response_status=~"2|4|12|13|14|15"' in query


def test_retries_are_those_of_this_services_clusters() -> None:
    (query,) = queries(CHECKOUT, "retries")
    pattern = re.search(r'cluster_name=~"(.+)"}', query)
    assert pattern
    cluster = re.compile(pattern.group(1).replace("\\\\", "\\"))
    assert cluster.fullmatch("outbound|80||checkout.shop.svc.cluster.local")
    assert cluster.fullmatch("outbound|80|canary|checkout.shop.svc.cluster.local")
    assert cluster.fullmatch("inbound-vip|80|http|checkout.shop.svc.cluster.local")
    assert not cluster.fullmatch("outbound|80||checkout.shopXsvc.cluster.local")
    assert not cluster.fullmatch("outbound|80||checkout.shop2.svc.cluster.local")


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


def test_without_grafanas_address_links_stay_within_it() -> None:
    inventory = an_inventory(CHECKOUT, USERS, DATABASE, mesh=a_mesh(grafana=Grafana()))
    text = next(panel for panel in board_of(CHECKOUT, inventory).panels if isinstance(panel, Text)).content
    assert f"[users](/d/{naming.service_uid('acme', 'shop', 'users')})" in text
