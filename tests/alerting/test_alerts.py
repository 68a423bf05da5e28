"""The five alerts, judged by promtool on simulated meshes: what fires, when, and what stays quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from observe.model import LatencyObjective, Objectives
from tests.alerting.incidents import (
    CRITICAL,
    EVERYTHING,
    HIGH,
    LATENCY,
    MTLS,
    QUIET,
    always_quiet,
    failing,
    once,
    once_in_plaintext,
    plaintext,
    slow,
)
from tests.alerting.proof import FIRING, PENDING, Case, prove, rules_of
from tests.alerting.simulation import IN_PLAINTEXT, OUTSIDE, WEB, Caller, Simulation, failure, flow
from tests.samples import GRPC, HTTP, TCP, a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Inventory, Port, Service
    from tests.servers.prometheus_server import Promtool


@pytest.fixture(params=["catalog/pricing-service", "catalog/search-service"], ids=["http", "grpc"])
def service(request: pytest.FixtureRequest, shop: Inventory) -> Service:
    """Two services of the example with the objectives that everybody has: one speaks HTTP, one gRPC."""
    return shop.by_id[request.param]


@pytest.mark.parametrize("case", EVERYTHING, ids=str)
def test_alerts_tell_incidents_from_everyday(
    promtool: Promtool, tmp_path: Path, shop: Inventory, service: Service, case: Case
) -> None:
    prove(promtool, tmp_path, rules_of(shop, service), service, case)


def objectives(**changes: Any) -> tuple[Inventory, Service]:
    """A mesh of one service with objectives of its own."""
    service = a_service(objectives=Objectives(**changes))
    return an_inventory(service), service


OWN_ERROR_RATE = (
    Case(
        "three per cent fail where two are allowed",
        lambda service: failing(service, 3),
        {9: QUIET, 20: {HIGH: FIRING}},
    ),
    Case(
        "nine per cent fail where eight are critical",
        lambda service: failing(service, 9),
        {20: {HIGH: FIRING, CRITICAL: FIRING}},
    ),
    Case("just below two per cent", lambda service: failing(service, 19, of=1_000), always_quiet()),
    Case("one of twenty-one fails", lambda service: once(service, failure(service)), always_quiet()),
)


@pytest.mark.parametrize("case", OWN_ERROR_RATE, ids=str)
def test_error_rate_of_a_stricter_service_is_its_own(
    promtool: Promtool, tmp_path: Path, shop: Inventory, case: Case
) -> None:
    """order-service allows 2 %, so 8 % are critical."""
    service = shop.by_id["orders/order-service"]
    prove(promtool, tmp_path, rules_of(shop, service), service, case)


OWN_LATENCY = (
    Case(
        "slower than half a second",
        lambda service: slow(service, 20, milliseconds=800),
        {9: QUIET, 14: {LATENCY: PENDING}, 20: {LATENCY: FIRING}, 30: QUIET},
    ),
    Case("just faster than half a second", lambda service: slow(service, 20, milliseconds=400), always_quiet()),
)


@pytest.mark.parametrize("case", OWN_LATENCY, ids=str)
def test_latency_of_a_faster_service_is_its_own(
    promtool: Promtool, tmp_path: Path, shop: Inventory, case: Case
) -> None:
    """order-data, which speaks gRPC, promises half a second."""
    service = shop.by_id["data/order-data"]
    prove(promtool, tmp_path, rules_of(shop, service), service, case)


OWN_QUANTILE = (
    Case(
        "more than one in twenty is slow",
        lambda service: slow(service, 60, milliseconds=800),
        {20: {LATENCY: FIRING}},
    ),
    Case("fewer than one in twenty is slow", lambda service: slow(service, 40, milliseconds=800), always_quiet()),
    Case("few requests", lambda service: slow(service, 1, of=7, milliseconds=800), {20: {LATENCY: FIRING}}),
)


@pytest.mark.parametrize("case", OWN_QUANTILE, ids=str)
def test_latency_is_judged_at_the_services_own_quantile(promtool: Promtool, tmp_path: Path, case: Case) -> None:
    """P95 needs fewer requests than P99 before one slow request is no accident."""
    inventory, service = objectives(latency=LatencyObjective(quantile=0.95, limit=500))
    prove(promtool, tmp_path, rules_of(inventory, service), service, case)


def test_minimum_traffic_is_the_services_own(promtool: Promtool, tmp_path: Path) -> None:
    """A service that is called a hundred times in a window is too quiet for one that wants a thousand."""
    case = Case("half of a few requests fail", lambda service: failing(service, 10, of=20), always_quiet())
    inventory, service = objectives(minimum_requests=1_000)
    prove(promtool, tmp_path, rules_of(inventory, service), service, case)


WEBHOOK = (
    Case(
        "Stripe calls in plaintext, as declared",
        lambda service: plaintext(service, 100, caller=OUTSIDE),
        always_quiet(),
    ),
    Case(
        "a caller with a proxy turns off encryption",
        lambda service: plaintext(service, 30),
        {9: QUIET, 17: {MTLS: FIRING}, 30: QUIET},
    ),
    Case(
        "a caller with a proxy turns off encryption amid much from outside",
        lambda service: plaintext(service, 30).requests(service, flow((30, 1_000)), caller=OUTSIDE),
        {9: QUIET, 17: {MTLS: FIRING}, 30: QUIET},
    ),
    Case(
        "one plaintext request from a caller with a proxy",
        lambda service: once_in_plaintext(service, 4).requests(service, flow((30, 60)), caller=OUTSIDE),
        always_quiet(),
    ),
)


@pytest.mark.parametrize("case", WEBHOOK, ids=str)
def test_exception_for_outside_callers_hides_nothing_of_those_inside(
    promtool: Promtool, tmp_path: Path, shop: Inventory, case: Case
) -> None:
    """stripe-webhook is PERMISSIVE, since Stripe has no certificate of the mesh."""
    service = shop.by_id["payments/stripe-webhook"]
    prove(promtool, tmp_path, rules_of(shop, service), service, case)


STRICT = (
    Case(
        "a caller without a proxy gets through to a service that should refuse it",
        lambda service: plaintext(service, 30, caller=OUTSIDE),
        {9: QUIET, 17: {MTLS: FIRING}, 30: QUIET},
    ),
)


@pytest.mark.parametrize("case", STRICT, ids=str)
def test_service_without_an_exception_has_none_for_outside_callers(
    promtool: Promtool, tmp_path: Path, shop: Inventory, case: Case
) -> None:
    service = shop.by_id["catalog/pricing-service"]
    prove(promtool, tmp_path, rules_of(shop, service), service, case)


DATABASE = (
    Case(
        "plaintext connections",
        lambda service: (
            Simulation().connections(service, flow((30, 20))).connections(service, flow((10, 0), (15, 4)), IN_PLAINTEXT)
        ),
        {9: QUIET, 20: {MTLS: FIRING}},
    ),
    Case(
        "one plaintext connection",
        lambda service: (
            Simulation()
            .connections(service, flow((30, 4)))
            .connections(service, flow((10, 0), (0.25, 4), (15, 0)), IN_PLAINTEXT)
        ),
        always_quiet(),
    ),
    Case("encrypted connections", lambda service: Simulation().connections(service, flow((30, 20))), always_quiet()),
)


@pytest.mark.parametrize("case", DATABASE, ids=str)
def test_connections_of_a_tcp_service_are_judged(promtool: Promtool, tmp_path: Path, case: Case) -> None:
    service = a_service(ports=(TCP,))
    prove(promtool, tmp_path, rules_of(an_inventory(service), service), service, case)


def ambient(service: Service, caller: Caller) -> Simulation:
    """Through a waypoint, and past it for TCP."""
    mesh = Simulation("ambient").requests(service, flow((30, 100))).connections(service, flow((30, 20)))
    return mesh.connections(service, flow((10, 0), (15, 10)), caller)


AMBIENT = (
    Case("all is encrypted", lambda service: ambient(service, WEB), always_quiet()),
    Case("ztunnel sees plaintext", lambda service: ambient(service, IN_PLAINTEXT), {9: QUIET, 20: {MTLS: FIRING}}),
    Case(
        "a waypoint sees plaintext",
        lambda service: plaintext(service, 30, simulation=Simulation("ambient")),
        {9: QUIET, 20: {MTLS: FIRING}},
    ),
    Case(
        "requests fail",
        lambda service: failing(service, 25, simulation=Simulation("ambient")),
        {9: QUIET, 14: {HIGH: FIRING, CRITICAL: FIRING}, 30: QUIET},
    ),
)


@pytest.mark.parametrize("case", AMBIENT, ids=str)
@pytest.mark.parametrize("port", [HTTP, GRPC], ids=["http", "grpc"])
def test_ambient_mesh_is_judged_by_its_waypoints_and_ztunnels(
    promtool: Promtool, tmp_path: Path, port: Port, case: Case
) -> None:
    """Ztunnel has no word for plaintext: it says `unknown`."""
    service = a_service(ports=(port,))
    inventory = an_inventory(service, mesh=a_mesh(data_plane="ambient"))
    prove(promtool, tmp_path, rules_of(inventory, service), service, case)
