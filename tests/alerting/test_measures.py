"""Recorded series against what was simulated: each request is counted once, whoever reports it and however often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from observe.simulation import Caller, turned_away
from observe.simulation.reports import IN_PLAINTEXT, OUTSIDE, WEB
from tests.alerting.incidents import ejected, failing, flow, healthy, outbound, plaintext, recorder
from tests.alerting.proof import Case, Sample, prove, rules_of

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Inventory, Service
    from tests.servers.prometheus_server import Promtool

GATEWAY = Caller("istio-ingressgateway", "istio-system")


@pytest.fixture(params=["catalog/pricing-service", "catalog/search-service"], ids=["http", "grpc"])
def service(request: pytest.FixtureRequest, shop: Inventory) -> Service:
    return shop.by_id[request.param]


def reads(record: str, value: float) -> tuple[float, str, tuple[Sample, ...]]:
    """After twenty minutes there is one series of the record, and it has this value."""
    expr = f"sum without (destination_service_name, destination_service_namespace) (round({record}, 1e-6))"
    return 20, expr, (({}, round(value, 6)),)


def is_missing(record: str) -> tuple[float, str, tuple[Sample, ...]]:
    return 20, record, ()


RATE = "service:istio_requests:rate5m"
FAST_RATE = "service:istio_requests:rate2m"
FAILED = "service:istio_requests_failed:rate5m"
ERRORS = "service:istio_requests_failed:ratio_rate5m"
COVERAGE = "service:istio_mtls:ratio_rate5m"
COVERAGE_INSIDE = "service:istio_mtls_inside:ratio_rate5m"
RECEIVED = "service:istio_received:rate5m"
RECEIVED_INSIDE = "service:istio_received_inside:rate5m"
P99 = "service:istio_request_duration_milliseconds:p99_rate5m"
P50 = "service:istio_request_duration_milliseconds:p50_rate5m"
EJECTIONS = "service:envoy_cluster_outlier_detection_ejections_active:max"

MEASURES = (
    Case(
        "two reports of every request",
        lambda service: healthy(service, 120),
        values=(reads(RATE, 2), reads(FAST_RATE, 2), reads(FAILED, 0), reads(ERRORS, 0), reads(COVERAGE, 1)),
    ),
    Case(
        "callers in the mesh, at the gateway and outside",
        lambda service: (
            healthy(service, 120)
            .requests(service, flow((30, 60)), caller=GATEWAY)
            .requests(service, flow((30, 240)), caller=OUTSIDE)
        ),
        values=(reads(RATE, 7), reads(RECEIVED, 7), reads(RECEIVED_INSIDE, 3), reads(COVERAGE, 3 / 7)),
    ),
    Case(
        "callers from outside alone",
        lambda service: failing(service, 120, of=480, caller=OUTSIDE),
        values=(reads(RATE, 8), reads(FAILED, 2), reads(ERRORS, 0.25), is_missing(COVERAGE_INSIDE)),
    ),
    Case(
        "requests that never arrive",
        lambda service: failing(service, 120, of=480, answer=turned_away(service, "UH")),
        values=(reads(RATE, 8), reads(FAILED, 2), reads(ERRORS, 0.25), reads(RECEIVED, 6), reads(COVERAGE, 1)),
    ),
    Case(
        "everything fails",
        lambda service: failing(service, 120, of=120),
        values=(reads(RATE, 2), reads(FAILED, 2), reads(ERRORS, 1)),
    ),
    Case(
        "nothing happens",
        lambda service: healthy(service, 0),
        values=(reads(RATE, 0), is_missing(ERRORS), is_missing(COVERAGE), is_missing(COVERAGE_INSIDE)),
    ),
    Case(
        "all requests fall into one bucket",
        lambda service: recorder().requests(service, flow((30, 120)), milliseconds=700),
        values=(reads(P50, 750), reads(P99, 995)),
    ),
    Case(
        "plaintext from a caller that could do better",
        lambda service: plaintext(service, 40),
        values=(reads(COVERAGE, 0.6), reads(COVERAGE_INSIDE, 0.6)),
    ),
    Case(
        "half of the connections are plaintext and all requests encrypted",
        lambda service: (
            healthy(service, 120)
            .connections(service, flow((30, 60)))
            .connections(service, flow((30, 60)), IN_PLAINTEXT)
        ),
        values=(reads(RATE, 2), reads(RECEIVED, 4), reads(COVERAGE, 0.5)),
    ),
    Case(
        "two callers have ejected the same instance",
        lambda service: (
            ejected(service)
            .ejected(WEB.pods[0], outbound(service), (30, 1))
            .ejected(WEB.pods[1], outbound(service), (30, 1))
        ),
        values=(reads(EJECTIONS, 1),),
    ),
    Case(
        "clusters that stand for no service of the mesh",
        lambda service: (
            healthy(service)
            .ejected(WEB.pods[0], "outbound|443||api.stripe.com", (30, 1))
            .ejected(WEB.pods[0], "inbound|8080||", (30, 1))
            .ejected(WEB.pods[0], "PassthroughCluster", (30, 1))
            .ejected(WEB.pods[0], "xds-grpc", (30, 1))
        ),
        values=(is_missing(EJECTIONS),),
    ),
)


@pytest.mark.parametrize("case", MEASURES, ids=str)
def test_recorded_series_tell_what_happened(
    promtool: Promtool, tmp_path: Path, shop: Inventory, service: Service, case: Case
) -> None:
    prove(promtool, tmp_path, rules_of(shop), service, case)
