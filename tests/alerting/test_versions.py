"""One set of rules for each version of Istio and Prometheus that writes metrics a little differently."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from observe.model import LatencyObjective, Objectives, Prometheus
from observe.simulation import Recorder, Series, Telemetry, failure
from observe.simulation.reports import WEB
from tests.alerting.incidents import (
    BEFORE,
    CONNECTIONS,
    CRITICAL,
    HIGH,
    OVERFLOWING,
    QUIET,
    always_quiet,
    failing,
    flow,
    healthy,
    outbound,
    recorder,
)
from tests.alerting.proof import FIRING, Case, States, prove, rules_of
from tests.samples import TCP, a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Mesh, Service
    from tests.servers.prometheus_server import Promtool

VERSIONS: Final = ("1.26", "1.29", "1.30", "1.31")
LATE: Final = "service:istio_requests_slow:rate5m"
OVERFLOWS: Final = "service:envoy_cluster_upstream_overflow:rate5m"


class Rewritten(Recorder):
    """A recorder whose buckets are written as an older Prometheus writes them."""

    def telemetry(self) -> Telemetry:
        whole = super().telemetry()
        return replace(whole, series=tuple(map(_older, whole.series)))


def _older(series: Series) -> Series:
    return replace(
        series,
        labels=tuple((name, value.removesuffix(".0") if name == "le" else value) for name, value in series.labels),
    )


@pytest.mark.parametrize("kind", [Recorder, Rewritten], ids=["1000.0", "1000"])
def test_bucket_of_an_objective_is_found_however_its_limit_is_written(
    promtool: Promtool, tmp_path: Path, kind: type[Recorder]
) -> None:
    """Prometheus 3 writes `le="1000.0"`, Prometheus 2 what the proxy wrote: `le="1000"`."""
    service = a_service(objectives=Objectives(availability=0.99, latency=LatencyObjective(limit=1_000)))

    def slow(service: Service) -> Recorder:
        told = kind(a_mesh()).requests(service, flow((20, 120)), milliseconds=50)
        return told.requests(service, flow((20, 60)), milliseconds=2_000)

    expr = f"round(sum without (destination_service_namespace, destination_service_name) ({LATE}), 0.001)"
    case = Case("a request per second is slow", slow, values=((15, expr, (({}, 1),)),))
    prove(promtool, tmp_path, rules_of(an_inventory(service), service), service, case)


@pytest.mark.parametrize("version", VERSIONS)
def test_overflow_is_added_up_under_the_names_of_the_version(promtool: Promtool, tmp_path: Path, version: str) -> None:
    """Since 1.30 requests over the limit have a counter of their own; before, they were pending overflow."""
    service, mesh = a_service(), a_mesh(istio_version=version)
    names = ["cx_overflow", "rq_pending_overflow", *(["rq_active_overflow"] if version in ("1.30", "1.31") else [])]

    def overflows(service: Service) -> Recorder:
        told = healthy(service, told=recorder(mesh))
        for name in names:
            labels = {"cluster_name": outbound(service)}
            told.counter(f"envoy_cluster_upstream_{name}", labels, WEB.pods[0], flow((30, 60)))
        return told

    expr = f"sum without (destination_service_namespace, destination_service_name) (round({OVERFLOWS}, 0.001))"
    case = Case("limits reached", overflows, values=((20, expr, (({}, len(names)),)),))
    prove(promtool, tmp_path, rules_of(an_inventory(service, mesh=mesh), service), service, case)


@pytest.mark.parametrize("plane", ["sidecar", "ambient"])
@pytest.mark.parametrize("version", VERSIONS)
def test_failing_requests_are_seen_by_every_version(
    promtool: Promtool, tmp_path: Path, version: str, plane: str
) -> None:
    mesh = a_mesh(istio_version=version, data_plane=plane, waypoints=plane == "ambient")
    service = a_service()
    case = Case(
        "a quarter fails",
        lambda service: failing(service, 25, told=recorder(mesh)),
        {9: QUIET, 14: {HIGH: FIRING, CRITICAL: FIRING}},
    )
    prove(promtool, tmp_path, rules_of(an_inventory(service, mesh=mesh), service), service, case)


def unreachable(service: Service, mesh: Mesh) -> Recorder:
    """Half of the connections cannot be opened."""
    told = recorder(mesh).connections(service, flow((BEFORE, 60), (15, 30), (10, 60)))
    return told.connections(service, flow((BEFORE, 0), (15, 30), (10, 0)), flags="UF,URX", arrived=False)


@pytest.mark.parametrize(
    ("version", "plane", "seen"),
    [
        *((version, "sidecar", True) for version in VERSIONS),
        ("1.29", "ambient", True),
        ("1.31", "ambient", True),
        # ztunnel did not say of which connections the opening failed (`metrics.rs` before 1.29).
        ("1.26", "ambient", False),
    ],
)
def test_connections_that_fail_are_seen_where_somebody_tells(
    promtool: Promtool, tmp_path: Path, version: str, plane: str, *, seen: bool
) -> None:
    mesh = a_mesh(istio_version=version, data_plane=plane)
    service = a_service(ports=(TCP,))
    states: States = {9: QUIET, 14: {CONNECTIONS: FIRING}} if seen else always_quiet()
    case = Case("half of the connections fail", lambda service: unreachable(service, mesh), states)
    prove(promtool, tmp_path, rules_of(an_inventory(service, mesh=mesh), service), service, case)


def test_one_of_two_clusters_in_one_prometheus_fails(promtool: Promtool, tmp_path: Path) -> None:
    """Both have a service of that name: the alert says which cluster's it is, and the other's traffic hides nothing."""
    mesh = a_mesh(prometheus=Prometheus(cluster_label="cluster"))
    service = a_service()

    def both(service: Service) -> _Told:
        bad = failing(service, 25, told=recorder(mesh)).telemetry()
        good = healthy(service, 5_000, 40, told=recorder(mesh)).telemetry()
        elsewhere = tuple(
            replace(one, labels=tuple((name, "south" if name == "cluster" else value) for name, value in one.labels))
            for one in good.series
        )
        return _Told(replace(bad, series=(*bad.series, *elsewhere)))

    firing = 'sum by (alertname, cluster) (ALERTS{alertname="ServiceErrorRateCritical", alertstate="firing"})'
    case = Case(
        "one cluster fails",
        both,
        {9: QUIET, 20: {HIGH: FIRING, CRITICAL: FIRING}},
        values=((20, firing, (({"alertname": CRITICAL, "cluster": "Kubernetes"}, 1.0),)),),
    )
    prove(promtool, tmp_path, rules_of(an_inventory(service, mesh=mesh), service), service, case)


class _Told:
    """Telemetry that is ready."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def telemetry(self) -> Telemetry:
        return self._telemetry


def test_pool_limits_are_judged_by_requests_not_by_statistics(promtool: Promtool, tmp_path: Path) -> None:
    """So they are seen by every version, and where proxies export no statistics."""
    service = a_service()

    def away(service: Service) -> Recorder:
        answer = replace(failure(service), flags="UO", arrived=False)
        return failing(service, 3, answer=answer)

    case = Case("three of a hundred are turned away", away, {9: QUIET, 20: {OVERFLOWING: FIRING}})
    prove(promtool, tmp_path, rules_of(an_inventory(service), service), service, case)
