"""What proxies are asked to export, against the names that they really use."""

from __future__ import annotations

import re

import pytest

from observe import telemetry
from observe.signals import catalogue
from tests.samples import a_mesh, a_service, an_inventory

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
    "cluster.PassthroughCluster;.upstream_cx_overflow",
    "server.upstream_cx_overflow",
)


def exported(version: str, stat: str) -> bool:
    """Whether some pattern is the whole stat's: Envoy's matcher is RE2's FullMatch."""
    return any(re.fullmatch(pattern, stat) for pattern in telemetry.stats_matcher(a_mesh(istio_version=version)))


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
    assert exported("1.30", "cluster.outbound|80||checkout.shop.svc.k8s.example.com;.upstream_cx_overflow")


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
