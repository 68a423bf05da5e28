"""Which alerts mute which: along the calls, within a service, within the mesh, and never a page by a ticket."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observe.alerting import Alert, rule_groups
from observe.alertmanager import Configuration, configuration
from observe.graph import Graph
from observe.inventory import load
from observe.model import Call, Inventory, Prometheus
from observe.render.alertmanager import configuration_file
from observe.signals import catalogue
from tests.alertmanager.real import muted as really_muted
from tests.alertmanager.real import with_canary
from tests.alertmanager.samples import alert, alerts_of, configured, labels_of
from tests.conftest import EXAMPLES
from tests.samples import TCP, a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tests.servers.alertmanager_server import Start

    Labels = Mapping[str, str]

CRITICAL = "ServiceErrorRateCritical"
WARNING = "ServiceErrorRateHigh"
STOPPED = "ServiceTrafficStopped"
GONE = "ServiceGone"


def mesh_of(*edges: str, asynchronous: tuple[str, ...] = (), **changes: dict[str, object]) -> Inventory:
    """An inventory from edges such as `a b`: a calls b; `changes` are fields of the services with that name."""
    calls: dict[str, list[Call]] = {name: [] for edge in (*edges, *asynchronous) for name in edge.split()}
    for edge in (*edges, *asynchronous):
        caller, callee = edge.split()
        namespace = changes.get(callee, {}).get("namespace", "shop")
        calls[caller].append(Call(service=f"{namespace}/{callee}", asynchronous=edge in asynchronous))
    services = (a_service(name, calls=tuple(made), **changes.get(name, {})) for name, made in calls.items())
    return an_inventory(*services)


def labels(inventory: Inventory, name: str, alertname: str) -> dict[str, str]:
    (service,) = (service for service in inventory.services if service.name == name)
    (found,) = (
        {"alertname": one.name, **dict(one.labels)}
        for one in alerts_of(replace(inventory, services=(service,)))
        if one.name == alertname
    )
    return found


def mutes(config: Configuration, source: Labels, target: Labels) -> bool:
    """Whether the one mutes the other, by Alertmanager's own definition (`inhibit/inhibit.go`)."""
    return any(
        rule.has_source(source)
        and rule.has_target(target)
        and all(source.get(label, "") == target.get(label, "") for label in rule.equal)
        and not (rule.has_target(source) and rule.has_source(target))
        for rule in config.inhibitions
    )


def told(config: Configuration, active: Iterable[Labels]) -> list[Labels]:
    known = list(active)
    return [one for one in known if not any(mutes(config, source, one) for source in known)]


def table(inventory: Inventory, alertname: str, *, over: str | None = None) -> list[str]:
    """Pairs such as `b > a`: the alert of b mutes that of a."""
    config = configured(inventory)
    names = [service.name for service in inventory.in_mesh]
    return [
        f"{source} > {target}"
        for source, target in itertools.product(names, names)
        if mutes(config, labels(inventory, source, alertname), labels(inventory, target, over or alertname))
    ]


def test_a_failing_callee_mutes_its_callers() -> None:
    """And who calls those, since they may stay quiet while those do not; further it is muted by muted ones."""
    inventory = mesh_of("z a", "a b", "b c", "d c")
    assert table(inventory, CRITICAL) == ["a > z", "b > a", "b > z", "c > a", "c > b", "c > d"]
    assert table(mesh_of("a b", "b c"), CRITICAL, over=WARNING) == [
        "a > a", "b > a", "b > b", "c > a", "c > b", "c > c",
    ]  # fmt: skip


def test_a_ticket_mutes_those_of_neighbours_only() -> None:
    assert table(mesh_of("a b", "b c"), WARNING) == ["b > a", "c > b"]


def test_a_ticket_never_mutes_a_page() -> None:
    inventory = mesh_of("a b")
    assert table(inventory, WARNING) == ["b > a"]
    assert table(inventory, WARNING, over=CRITICAL) == []
    assert table(inventory, STOPPED, over=CRITICAL) == []


def test_an_asynchronous_call_passes_no_failure_on() -> None:
    inventory = mesh_of("a b", asynchronous=("b a", "c b"))
    assert table(inventory, CRITICAL) == ["b > a"]


def test_services_that_wait_for_each_other_never_mute_each_other() -> None:
    """Otherwise all of them would be muted and nobody told; who is outside the cycle is still explained by it."""
    inventory = mesh_of("a b", "b c", "c b", "c c", "c d")
    assert table(inventory, CRITICAL) == ["b > a", "c > a", "d > b", "d > c"]


def test_a_service_without_alerts_is_bridged() -> None:
    """Its callers suffer from what it calls; of itself there is nothing to be heard."""
    inventory = mesh_of(
        "a quiet", "quiet hushed", "hushed c", "b c", quiet={"in_mesh": False}, hushed={"in_mesh": False}
    )
    assert table(inventory, CRITICAL) == ["c > a", "c > b"]


def test_a_bridge_never_leads_back_into_the_own_cycle() -> None:
    inventory = mesh_of("a quiet", "quiet c", "c a", "b quiet", quiet={"in_mesh": False})
    assert table(inventory, CRITICAL) == ["a > b", "c > b"]


def test_a_callee_without_single_requests_mutes_its_callers() -> None:
    """Failing connections are what the callers of a database see."""
    inventory = mesh_of("a b", b={"ports": (TCP,)})
    source = labels(inventory, "b", "ServiceConnectionsFailing")
    for target in (CRITICAL, WARNING):
        assert mutes(configured(inventory), source, labels(inventory, "a", target))


def test_a_caller_that_is_gone_did_not_go_because_of_its_callee() -> None:
    """`ServiceGone` says that no proxy is there, and a proxy stays while the application behind it fails."""
    inventory = mesh_of("a b")
    assert table(inventory, CRITICAL, over=GONE) == []
    assert table(inventory, GONE, over=CRITICAL) == ["b > a"]


def test_a_caller_that_can_only_be_gone_is_bridged() -> None:
    inventory = mesh_of("a b", "b c")
    heard = [one for one in alerts_of(inventory) if dict(one.labels)["service"] != "b" or one.name == GONE]
    config = configuration(inventory, Graph(inventory), heard)
    assert mutes(config, labels(inventory, "c", CRITICAL), labels(inventory, "a", CRITICAL))


def test_an_alert_mutes_its_own_lower_severity() -> None:
    """Both fire when a certificate has hours left; and of another namespace's certificate nothing is muted."""
    page = {"alertname": "MeshWorkloadCertificateExpiring", "mesh": "acme", "service": "istiod", "category": "security"}
    config, critical, ticket = (
        configured(mesh_of("a b")), {**page, "severity": "critical"}, {**page, "severity": "warning"},
    )  # fmt: skip
    assert mutes(config, critical, ticket)
    assert not mutes(config, ticket, critical)
    assert not mutes(config, {**critical, "namespace": "one"}, {**ticket, "namespace": "two"})
    assert not mutes(config, critical, {**ticket, "alertname": "MeshCaCertificateExpiring"})


def test_a_page_of_the_mesh_mutes_no_other_ticket_of_istiod() -> None:
    """A certificate of the CA may be expiring for days."""
    config = configured(mesh_of("a b"))
    istiod = {"mesh": "acme", "service": "istiod", "namespace": "istio-system"}
    ticket = {**istiod, "alertname": "ControlPlanePushFailing", "category": "mesh", "severity": "warning"}
    for name, category in (("MeshCaCertificateExpiring", "security"), ("MeshTelemetryLost", "telemetry")):
        assert not mutes(config, {**istiod, "alertname": name, "category": category, "severity": "critical"}, ticket)


def test_a_service_whose_alerts_are_tickets_only_mutes_tickets_only() -> None:
    inventory = mesh_of("a b")
    only = (one for one in alerts_of(inventory) if dict(one.labels)["service"] != "b" or one.severity == "warning")
    config = configuration(inventory, Graph(inventory), tuple(only))
    critical, warning = labels(inventory, "a", CRITICAL), labels(inventory, "a", WARNING)
    assert mutes(config, labels(inventory, "b", WARNING), warning)
    assert not any(rule.has_target(critical) and 'service="b"' in str(rule.sources) for rule in config.inhibitions)


def test_a_service_without_traffic_is_explained_by_a_caller_that_sends_none() -> None:
    """Along asynchronous calls too, since they are traffic; and not around a cycle that such a call closes."""
    inventory = mesh_of("a b", "b c", asynchronous=("a d", "c b"))
    assert table(inventory, STOPPED) == ["a > b", "a > d"]
    assert table(inventory, GONE, over=STOPPED) == ["a > a", "a > b", "a > d", "b > b", "c > c", "d > d"]


def test_traffic_that_stopped_mutes_nothing_else() -> None:
    inventory = mesh_of("a b")
    for other in (CRITICAL, WARNING, GONE, "ServiceTelemetryLost", "ServiceMtlsCoverageLow"):
        assert table(inventory, STOPPED, over=other) == []


def test_a_page_mutes_the_tickets_of_its_service_except_those_of_security() -> None:
    """A refused or unencrypted connection may be the cause, and is worth knowing in any case."""
    inventory = mesh_of("a b", asynchronous=("c a",))
    config, source = configured(inventory), labels(inventory, "a", CRITICAL)
    for name, expected in ((WARNING, True), (STOPPED, True), ("ServiceMtlsCoverageLow", False)):
        assert mutes(config, source, labels(inventory, "a", name)) is expected
    assert not mutes(config, source, labels(inventory, "c", "ServiceTelemetryLost"))


def test_lost_telemetry_mutes_what_says_that_something_is_missing() -> None:
    inventory = mesh_of("a b")
    source = {"alertname": "MeshTelemetryLost", "mesh": "acme", "severity": "critical", "category": "telemetry"}
    config = configured(inventory)
    absent = [one for one in alerts_of(inventory) if mutes(config, source, {"alertname": one.name, **dict(one.labels)})]
    assert {one.name for one in absent} == {GONE, "ServiceTelemetryLost", STOPPED}
    control_plane = {"mesh": "acme", "severity": "critical", "category": "mesh", "service": "istiod"}
    assert mutes(config, source, {**control_plane, "alertname": "ControlPlaneDown"})
    assert not mutes(config, source, {**control_plane, "alertname": "MeshCaCertificateExpiring"})
    assert not mutes(config, source, source)
    assert not mutes(config, {**source, "mesh": "other"}, labels(inventory, "a", GONE))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"alertname": "ControlPlanePushFailing", "category": "mesh", "severity": "warning"}, True),
        ({"alertname": "SidecarInjectionFailing", "category": "mesh", "severity": "warning"}, True),
        ({"alertname": "MeshCaCertificateExpiring", "category": "security", "severity": "critical"}, False),
        ({"alertname": "MeshCaCertificateExpiring", "category": "security", "severity": "warning"}, False),
        ({"alertname": WARNING, "category": "requests", "severity": "warning", "service": "a"}, False),
    ],
)
def test_a_control_plane_that_is_down_explains_what_it_no_longer_does(target: Labels, expected: bool) -> None:
    """Not requests: proxies go on without it. Not certificates: they have a deadline."""
    source = {"alertname": "ControlPlaneDown", "mesh": "acme", "severity": "critical", "category": "mesh"}
    assert mutes(configured(mesh_of("a b")), source, {**target, "mesh": "acme"}) is expected


def test_clusters_explain_only_what_is_seen_from_themselves() -> None:
    inventory = mesh_of("a b")
    inventory = replace(inventory, mesh=a_mesh(prometheus=Prometheus(cluster_label="cluster")))
    config = configured(inventory)
    source, target = labels(inventory, "b", CRITICAL), labels(inventory, "a", CRITICAL)
    assert mutes(config, {**source, "cluster": "east"}, {**target, "cluster": "east"})
    assert not mutes(config, {**source, "cluster": "east"}, {**target, "cluster": "west"})


def test_a_rule_names_callers_of_many_namespaces_at_once() -> None:
    inventory = mesh_of("a z", "b z", "c z", a={"namespace": "one"}, b={"namespace": "two"})
    assert sorted(table(inventory, CRITICAL)) == ["z > a", "z > b", "z > c"]
    assert len(configured(inventory).inhibitions) == 4 + 2 + 1


def test_a_rule_never_names_a_service_that_only_shares_a_name() -> None:
    """`one/a` and `two/b` call `z`; `one/b` does not, and is muted by nothing."""
    z = a_service("z")
    calling = {"calls": (Call(service="shop/z"),)}
    one_a, two_b = a_service("a", namespace="one", **calling), a_service("b", namespace="two", **calling)
    inventory = an_inventory(z, one_a, two_b, a_service("b", namespace="one"))
    config = configured(inventory)
    source = labels_of(inventory, z, CRITICAL, "critical", "requests")
    found = {
        service.id
        for service in inventory.services
        if mutes(config, source, labels_of(inventory, service, CRITICAL, "critical", "requests"))
    }
    assert found == {"one/a", "two/b"}


def fires(inventory: Inventory) -> list[dict[str, str]]:
    return [{"alertname": one.name, **dict(one.labels)} for one in alerts_of(inventory)]


def generated(inventory: Inventory) -> tuple[Alert, ...]:
    """All alerts that are really generated."""
    groups = rule_groups(Graph(inventory), catalogue(inventory))
    return tuple(rule for group in groups for rule in group.rules if isinstance(rule, Alert))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_generated_alerts_have_the_labels_that_are_matched(example: Path) -> None:
    """Each is told to its own team when it fires alone, and none is source and target of one rule, since Alertmanager
    remembers one source for each rule and set of equal labels, and skips it when it is a target too.
    """
    inventory = load(str(example))
    alerts = generated(inventory)
    config = configuration(inventory, Graph(inventory), alerts)
    for one in alerts:
        active = {"alertname": one.name, **dict(one.labels)}
        kind = "page" if one.severity == "critical" else "ticket"
        assert config.route.find(active).receiver == f"{active['team']}-{kind}"
        assert not [rule for rule in config.inhibitions if rule.has_source(active) and rule.has_target(active)]
    matched = [rule for rule in config.inhibitions if any(map(rule.has_source, named(alerts)))]
    assert matched == list(config.inhibitions)


def named(alerts: Iterable[Alert]) -> list[dict[str, str]]:
    return [{"alertname": one.name, **dict(one.labels)} for one in alerts]


def test_the_alerts_of_these_tests_need_the_same_rules_as_the_generated_ones(shop: Inventory) -> None:
    assert configuration(shop, Graph(shop), generated(shop)) == configured(shop)


NAMES = "abcde"
EDGES = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.booleans()), max_size=12)


ALERTS = st.sampled_from((CRITICAL, WARNING, GONE, STOPPED))
FIRING = st.sets(st.tuples(st.sampled_from(NAMES), ALERTS), min_size=1)


@given(edges=EDGES, quiet=st.sets(st.sampled_from(NAMES)), firing=FIRING)
def test_whatever_fires_somebody_is_told(
    edges: list[tuple[str, str, bool]], quiet: set[str], firing: set[tuple[str, str]]
) -> None:
    """Whoever calls whom: of alerts that fire, one at least is not muted, and it is a page where any of them is one."""
    calls: dict[str, list[Call]] = {name: [] for name in NAMES}
    for caller, callee, asynchronous in edges:
        calls[caller].append(Call(service=f"shop/{callee}", asynchronous=asynchronous))
    services = (a_service(name, calls=tuple(calls[name]), in_mesh=name not in quiet) for name in NAMES)
    inventory = an_inventory(*services)
    active = [labels(inventory, service, name) for service, name in sorted(firing) if service not in quiet]
    heard = told(configured(inventory), active)
    assert {one["severity"] for one in active} - {"warning"} <= {one["severity"] for one in heard}
    assert heard or not active


def test_alertmanager_mutes_exactly_what_the_rules_say(alertmanager: Start) -> None:
    """All alerts of a mesh with a cycle, a bridge, a database and asynchronous calls fire at once."""
    edges = ("gate shop", "shop pay", "pay ledger", "ledger pay", "pay quiet", "quiet db", "lone db")
    inventory = mesh_of(
        *edges, asynchronous=("shop mail",), quiet={"in_mesh": False}, db={"ports": (TCP,), "namespace": "data"}
    )
    config = configured(inventory)
    for active in (fires(inventory), [one for one in fires(inventory) if one["alertname"] in (WARNING, STOPPED)]):
        expected = [one for one in active if any(mutes(config, source, one) for source in active)]
        with alertmanager(with_canary(configuration_file(config))) as (server, _):
            assert really_muted(server, active) == expected
        assert 0 < len(expected) < len(active)


def test_the_order_of_alerts_and_sets_changes_nothing(shop: Inventory) -> None:
    alerts = tuple(alerts_of(shop))
    assert configuration(shop, Graph(shop), reversed(alerts)) == configuration(shop, Graph(shop), alerts)


def test_alerts_without_a_service_or_a_category_are_left_out() -> None:
    inventory = mesh_of("a b")
    (a, b) = inventory.services
    bare = [replace(alert(inventory, one, CRITICAL, "critical", "requests"), labels=()) for one in (a, b)]
    assert len(configuration(inventory, Graph(inventory), bare).inhibitions) == 4


def test_of_a_database_that_is_down_its_own_team_alone_is_told(shop: Inventory) -> None:
    """`order-data` fails, and everything that waits for it up to the gateway."""
    names = ("order-data", "ledger-service", "payment-service", "order-service", "api-gateway")
    everything = fires(replace(shop, services=tuple(one for one in shop.services if one.name in names)))
    active = [one for one in everything if one["category"] == "requests" and one["alertname"] != GONE]
    assert [(one["service"], one["severity"]) for one in told(configured(shop), active)] == [("order-data", "critical")]
