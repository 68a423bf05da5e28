"""What proxies are asked to export, against the names that they really use."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from observe import telemetry
from observe.model import Inventory, Outside
from observe.signals import catalogue
from tests.samples import a_mesh, a_service, an_inventory
from tests.servers.fixtures import require
from tests.servers.install import envoy

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Mesh
    from observe.promql import Matcher

CLUSTER = "cluster.outbound|80|canary|checkout.shop.svc.cluster.local;"
OLD_CLUSTER = CLUSTER.removesuffix(";")
WAYPOINT = "cluster.inbound-vip|80|http|checkout.shop.svc.cluster.local;"
STATS = (
    "outlier_detection.ejections_active",
    "outlier_detection.ejections_enforced_total",
    "outlier_detection.ejections_overflow",
    "upstream_cx_overflow",
    "upstream_rq_pending_overflow",
    "upstream_rq_retry",
    "upstream_rq_retry_success",
    "upstream_rq_retry_limit_exceeded",
    "upstream_rq_retry_overflow",
    "circuit_breakers.default.cx_open",
    "circuit_breakers.default.rq_open",
    "circuit_breakers.default.rq_pending_open",
    "upstream_rq_active",
    "upstream_cx_active",
    "ssl.connection_error",
    "ssl.fail_verify_error",
    "ssl.fail_verify_no_cert",
    "ssl.fail_verify_san",
)
"""Envoy's own names, below those of a cluster (envoy `cluster_stats.rst`, `outlier_detection_impl.h`)."""
SINCE_1_30 = "upstream_rq_active_overflow"
UNWANTED = (
    f"{CLUSTER}.circuit_breakers.high.cx_open",
    f"{CLUSTER}.circuit_breakers.high.rq_open",
    f"{CLUSTER}.circuit_breakers.high.rq_pending_open",
    f"{CLUSTER}.circuit_breakers.default.remaining_cx",
    f"{CLUSTER}.upstream_cx_length_ms",
    f"{CLUSTER}.upstream_cx_overflow_total",
    f"{CLUSTER}.upstream_rq_200",
    f"{CLUSTER}.outlier_detection.ejections_detected_consecutive_5xx",
    f"{CLUSTER}.lb_healthy_panic",
    "cluster.inbound|8080||;.upstream_cx_overflow",
    "cluster.xds-grpc;.upstream_cx_overflow",
    "cluster.outbound|80||cart.shop.svc.cluster.local;.upstream_cx_overflow",
    "cluster.outbound|80||checkout.other.svc.cluster.local;.upstream_cx_overflow",
    "cluster.outbound|80||pay.checkout.shop.svc.cluster.local;.upstream_cx_overflow",
    "cluster.outbound|443||api.example.com;.upstream_cx_overflow",
    "cluster.PassthroughCluster;.upstream_cx_overflow",
    "server.upstream_cx_overflow",
)


def exported(version: str, stat: str) -> bool:
    """Whether proxies of a mesh with the service of CLUSTER export it."""
    return matches(an_inventory(a_service(), mesh=a_mesh(istio_version=version)), stat)


def matches(inventory: Inventory, stat: str) -> bool:
    """Whether some pattern is the whole stat's: Envoy's matcher is RE2's FullMatch."""
    return any(re.fullmatch(pattern, stat) for pattern in telemetry.stats_matcher(inventory))


def overflow_of(host: str) -> str:
    return f"cluster.outbound|80||{host};.upstream_cx_overflow"


def prometheus_name(stat: str) -> str:
    """How Envoy names a cluster's stat for Prometheus: the cluster becomes a label (envoy `prometheus_stats.cc`)."""
    _, _, below = stat.rpartition("cluster.local")
    return "envoy_cluster_" + re.sub(r"[^a-zA-Z0-9_]", "_", below.lstrip(";").lstrip("."))


@pytest.mark.parametrize("cluster", [CLUSTER, OLD_CLUSTER, WAYPOINT])
@pytest.mark.parametrize("stat", STATS)
def test_stats_are_exported_whatever_the_cluster_is_called(cluster: str, stat: str) -> None:
    """Since Istio 1.23 a `;` ends the cluster's name; before, nothing did."""
    assert exported("1.30", f"{cluster}.{stat}")


@pytest.mark.parametrize("stat", UNWANTED)
def test_stats_that_nothing_reads_are_not_exported(stat: str) -> None:
    """Each costs a series per proxy and cluster; `high` is a priority that Istio never uses."""
    assert not exported("1.30", stat)


def test_a_service_outside_the_default_domain_is_exported() -> None:
    inventory = an_inventory(a_service(), mesh=a_mesh(cluster_domain="k8s.example.com"))
    assert matches(inventory, overflow_of("checkout.shop.svc.k8s.example.com"))
    assert not matches(inventory, overflow_of("checkout.shop.svc.k8sXexample.com"))


def test_services_without_a_proxy_are_exported_too_and_those_outside_the_cluster_are_not() -> None:
    """Callers' proxies count for the former; of the latter no signal reads the clusters."""
    legacy = a_service("legacy", in_mesh=False)
    mainframe = a_service("mainframe", in_mesh=False, outside=Outside(host="mainframe.example.com"))
    inventory = an_inventory(legacy, mainframe)
    assert matches(inventory, overflow_of("legacy.shop.svc.cluster.local"))
    assert not matches(inventory, overflow_of("mainframe.example.com"))
    assert not matches(inventory, overflow_of("mainframe.shop.svc.cluster.local"))


def fleet(services: int, namespaces: int) -> Inventory:
    made = (a_service(f"service-{number:05}", namespace=f"team-{number % namespaces:05}") for number in range(services))
    return an_inventory(*made)


@pytest.mark.parametrize(
    ("services", "namespaces", "others_of_the_namespace", "others"),
    [(100, 10, False, False), (1_000, 50, True, False), (10_000, 2_000, True, True)],
)
def test_with_more_services_the_expressions_grow_wider_and_not_longer(
    services: int, namespaces: int, others_of_the_namespace: bool, others: bool
) -> None:
    """They are a part of every injected pod."""
    inventory = fleet(services, namespaces)
    (expression,) = telemetry.stats_matcher(inventory)
    assert len(expression) < telemetry.LONGEST_HOSTS + 500
    for service in inventory.services[:: services // 20]:
        assert matches(inventory, overflow_of(f"{service.name}.{service.namespace}.svc.cluster.local"))
    assert matches(inventory, overflow_of("other.team-00001.svc.cluster.local")) is others_of_the_namespace
    assert matches(inventory, overflow_of("other.elsewhere.svc.cluster.local")) is others


def test_an_inventory_without_services_in_the_cluster_exports_whatever_comes() -> None:
    """An empty choice would be a pattern that lets through what has no name."""
    assert matches(an_inventory(), overflow_of("checkout.shop.svc.cluster.local"))


@pytest.mark.parametrize(("services", "namespaces"), [(130, 10), (1_000, 200), (10_000, 2_000)])
def test_envoy_takes_the_expressions_under_istios_limit(services: int, namespaces: int, tmp_path: Path) -> None:
    """Without that limit Envoy's own one of 100 instructions would hold, and the proxy would not start."""
    require("envoy")
    patterns = [{"safe_regex": {"regex": one}} for one in telemetry.stats_matcher(fleet(services, namespaces))]
    bootstrap = {
        "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": patterns}}},
        "layered_runtime": {"layers": [{"name": "istio", "static_layer": {"re2.max_program_size.error_level": 32768}}]},
    }
    config = tmp_path / "envoy.json"
    config.write_text(json.dumps(bootstrap))
    done = subprocess.run([envoy(), "--mode", "validate", "-c", config], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("version", "there"), [("1.28", False), ("1.29.4", False), ("1.30", True), ("1.31.0", True)])
def test_overflow_of_requests_has_a_counter_of_its_own_since_istio_1_30(version: str, there: bool) -> None:
    counters = telemetry.overflow_counters(a_mesh(istio_version=version))
    assert (f"envoy_cluster_{SINCE_1_30}" in counters) == there
    assert exported(version, f"{CLUSTER}.{SINCE_1_30}") == there
    assert len(set(counters)) == len(counters) == (3 if there else 2)


@pytest.mark.parametrize("version", ["1.29", "1.30"])
def test_every_stat_that_a_signal_needs_is_exported(version: str) -> None:
    """From Envoy's names to Prometheus', and no signal waits for a series that no proxy has."""
    signals = catalogue(an_inventory(a_service(), mesh=a_mesh(istio_version=version)))
    raw = (f"{CLUSTER}.{stat}" for stat in (*STATS, SINCE_1_30))
    names = {prometheus_name(stat) for stat in raw if exported(version, stat)}
    assert set(signals.needed_stats) <= names
    assert telemetry.EJECTIONS_ACTIVE in signals.needed_stats
    assert telemetry.RETRIES in names


@pytest.mark.parametrize(
    ("flags", "has"),
    [
        ("UF", True),
        ("UF,URX", True),
        ("URX,UF", True),
        ("NR,UF,URX", True),
        ("-", False),
        ("URX", False),
        ("UFX", False),
        ("XUF,URX", False),
        ("", False),
    ],
)
def test_response_flag_is_found_among_others_joined_by_commas(flags: str, has: bool) -> None:
    assert bool(re.fullmatch(telemetry.has_flag("UF").value, flags)) == has
    assert (telemetry.has_flag("UF").operator, telemetry.lacks_flag("UF").operator) == ("=~", "!~")
    assert telemetry.has_flag("UF").value == telemetry.lacks_flag("UF").value


@pytest.mark.parametrize(
    ("destination", "is_service"),
    [
        ("checkout", True),
        ("unknown-orders", True),
        ("unknown", False),
        ("PassthroughCluster", False),
        ("BlackHoleCluster", False),
        ("InboundPassthroughCluster", False),
        ("InboundPassthroughClusterIpv6", False),
    ],
)
def test_traffic_to_no_known_service_is_left_out(destination: str, is_service: bool) -> None:
    assert telemetry.NO_SERVICE.operator == "!~"
    assert bool(re.fullmatch(telemetry.NO_SERVICE.value, destination)) != is_service


def counted(mesh: Mesh, **labels: str) -> int:
    """How often a report with these labels is counted."""
    views = telemetry.vantage(mesh)
    return sum(all(holds(matcher, labels.get(matcher.label, "")) for matcher in view) for view in views)


def holds(matcher: Matcher, value: str) -> bool:
    match matcher.operator:
        case "=":
            return value == matcher.value
        case "!=":
            return value != matcher.value
        case "=~":
            return re.fullmatch(matcher.value, value) is not None
    return re.fullmatch(matcher.value, value) is None


def test_a_request_between_sidecars_is_counted_as_its_caller_reports_it() -> None:
    mesh = a_mesh()
    assert counted(mesh, reporter="source", source_workload="web") == 1
    assert counted(mesh, reporter="destination", source_workload="web") == 0
    assert counted(mesh, reporter="destination", source_workload="unknown") == 1


def test_in_ambient_waypoints_count_and_gateways_that_go_around_them() -> None:
    """A gateway that is told to use waypoints is reported twice, and counted once."""
    mesh = a_mesh(data_plane="ambient", waypoints=True)
    gateway = "istio-ingressgateway"
    assert counted(mesh, reporter="waypoint", source_workload="web") == 1
    assert counted(mesh, reporter="source", source_workload=gateway) == 1
    assert counted(mesh, reporter="waypoint", source_workload=gateway) == 0
    assert counted(mesh, reporter="source", source_workload="with-a-sidecar") == 0
    assert counted(mesh, reporter="destination", source_workload="unknown") == 0
