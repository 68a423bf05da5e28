"""Why these rules differ from the queries that are usually written for Istio: what those miss, on the same traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.simulation import Caller, Recorder, turned_away
from observe.simulation.reports import IN_PLAINTEXT
from tests.alerting.incidents import HIGH, MTLS, PLAINTEXT, failing, flow, healthy, recorder
from tests.alerting.proof import FIRING, Case, prove, rules_of

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Inventory, Service
    from tests.servers.prometheus_server import Promtool

COMMON_ERRORS = """
sum(rate(istio_requests_total{reporter="destination",response_code=~"5.."}[5m])) by (destination_service_name)
/
sum(rate(istio_requests_total{reporter="destination"}[5m])) by (destination_service_name)
> 0.05
"""
COMMON_COVERAGE = """
sum(rate(istio_requests_total{connection_security_policy="mutual_tls"}[10m]))
/
sum(rate(istio_requests_total[10m]))
"""
OURS = "sum without (destination_service_name, destination_service_namespace) (service:istio_mtls:ratio_rate5m)"


def test_common_error_query_misses_a_failing_grpc_service(promtool: Promtool, tmp_path: Path, shop: Inventory) -> None:
    """GRPC failures have response code 200: many requests fail, and the common alert says nothing at all."""
    service = shop.by_id["catalog/search-service"]
    case = Case(
        "gRPC requests fail",
        lambda service: failing(service, 12),
        {20: {HIGH: FIRING}},
        values=((20, COMMON_ERRORS, ()),),
    )
    prove(promtool, tmp_path, rules_of(shop, service), service, case)


def test_common_error_query_misses_what_never_arrives(promtool: Promtool, tmp_path: Path, shop: Inventory) -> None:
    """With no instance left the callee reports nothing, so the reports of callees look fine."""
    service = shop.by_id["catalog/pricing-service"]
    case = Case(
        "no instance is reached",
        lambda service: failing(service, 12, answer=turned_away(service, "UH")),
        {20: {HIGH: FIRING}},
        values=((20, COMMON_ERRORS, ()),),
    )
    prove(promtool, tmp_path, rules_of(shop, service), service, case)


def test_common_error_query_sees_a_failing_http_service_as_ours_does(
    promtool: Promtool, tmp_path: Path, shop: Inventory
) -> None:
    """The comparison is fair: where the common query can work, it does."""
    service = shop.by_id["catalog/pricing-service"]
    case = Case(
        "HTTP requests fail",
        lambda service: failing(service, 12),
        {20: {HIGH: FIRING}},
        values=((20, f"round(sum without (destination_service_name) ({COMMON_ERRORS}), 1e-6)", (({}, 0.12),)),),
    )
    prove(promtool, tmp_path, rules_of(shop, service), service, case)


def encrypted(service: Service) -> Recorder:
    """Every connection is mutual TLS; some requests come through a gateway, which reports as a caller only."""
    gateway = Caller("istio-ingressgateway", "istio-system")
    return healthy(service, 120).requests(service, flow((30, 60)), caller=gateway)


def test_common_coverage_query_reads_half_on_a_fully_encrypted_mesh(
    promtool: Promtool, tmp_path: Path, shop: Inventory
) -> None:
    """A caller's reports never know about encryption, so counting them makes a perfect mesh look half open."""
    service = shop.by_id["catalog/search-service"]
    case = Case(
        "all is encrypted",
        encrypted,
        {25: {}},
        values=(
            (25, f"round({COMMON_COVERAGE}, 1e-6)", (({}, 0.5),)),
            (25, f"{COMMON_COVERAGE} < bool 0.6", (({}, 1),)),
            (25, OURS, (({}, 1),)),
        ),
    )
    prove(promtool, tmp_path, rules_of(shop, service), service, case)


def test_common_coverage_query_vanishes_when_nothing_is_encrypted(
    promtool: Promtool, tmp_path: Path, shop: Inventory
) -> None:
    """A share of nothing is no series: the worst case is the one in which the common alert cannot fire."""
    service = shop.by_id["catalog/search-service"]
    case = Case(
        "nothing is encrypted",
        lambda service: recorder().requests(service, flow((30, 120)), caller=IN_PLAINTEXT),
        {25: {MTLS: FIRING, PLAINTEXT: FIRING}},
        values=((25, f"{COMMON_COVERAGE} < 0.95", ()), (25, OURS, (({}, 0),))),
    )
    prove(promtool, tmp_path, rules_of(shop, service), service, case)
