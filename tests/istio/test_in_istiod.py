"""What istiod makes of the example: the Envoy configuration that the sidecars of its services get."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from observe import policy
from observe.graph import Graph
from observe.inventory import load
from observe.model import format_duration
from observe.naming import host_of
from tests.conftest import SHOP
from tests.istio import envoy
from tests.istio.deployed import Deployed, deployed
from tests.servers.fixtures import require, require_kubernetes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Service


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    require("istio")
    require_kubernetes()
    with deployed(load(str(SHOP)), tmp_path_factory.mktemp("shop")) as mesh:
        yield mesh


def host(mesh: Deployed, name: str) -> str:
    return host_of(mesh.inventory.mesh, mesh.service(name))


def calls(mesh: Deployed, service: Service) -> set[str]:
    return {host_of(mesh.inventory.mesh, mesh.inventory.by_id[call.service]) for call in service.calls}


def test_every_sidecar_knows_the_declared_callees_and_hosts_and_nobody_else(shop: Deployed) -> None:
    for service in shop.inventory.services:
        seen = envoy.outbound(shop.seen_by(service.name))
        external = {one.host for one in service.external_hosts}
        assert seen == calls(shop, service) | external, service.name


def test_pools_and_ejections_are_as_the_policy_says(shop: Deployed) -> None:
    payment = shop.service("payment-service")
    chosen = policy.breaker(shop.inventory, payment)
    assert chosen.outlier is not None
    found = envoy.cluster(shop.seen_by("order-service"), host(shop, "payment-service"), 80)
    (limits,) = [one for one in found["circuit_breakers"]["thresholds"] if one.get("priority", "DEFAULT") == "DEFAULT"]
    assert limits["max_connections"] == chosen.pool.max_connections.value
    assert limits["max_pending_requests"] == chosen.pool.max_pending_requests.value
    assert limits["max_requests"] == chosen.pool.max_requests.value
    assert limits["retry_budget"] == {"budget_percent": {"value": 20.0}, "min_retry_concurrency": 3}
    assert found["connect_timeout"] == format_duration(chosen.pool.connect_timeout.value)
    outlier = found["outlier_detection"]
    assert outlier["consecutive_5xx"] == chosen.outlier.consecutive_5xx.value == 5
    assert outlier["base_ejection_time"] == "30s"
    assert outlier["max_ejection_percent"] == chosen.outlier.max_ejection_percent.value
    assert outlier["max_ejection_percent"] >= policy.least_percent(payment.replicas)


def test_a_single_replica_is_never_ejected(shop: Deployed) -> None:
    alone = [service for service in shop.inventory.services if service.replicas == 1 and not service.versions]
    callers = {edge.callee.id: edge.caller for edge in Graph(shop.inventory).edges}
    assert [service.name for service in alone] == ["report-processor"]
    assert not [service for service in alone if service.id in callers], "nobody calls it, so its own rule is looked at"


def test_what_arrives_is_limited_by_all_callers_together_and_not_by_the_limit_of_one(shop: Deployed) -> None:
    """Istiod applies a DestinationRule's pool at the inbound cluster too, unless the Sidecar has one for it."""
    graph = Graph(shop.inventory)
    for name in ("payment-service", "inventory-service", "customer-data"):
        service = shop.service(name)
        inbound = shop.seen_by(name).clusters[f"inbound|{service.ports[0].container_port}||"]
        (limits,) = inbound["circuit_breakers"]["thresholds"]
        arrivals = policy.arrivals(graph, service)
        assert limits["max_connections"] == arrivals.max_connections.value
        assert limits["max_pending_requests"] == arrivals.max_pending_requests.value
        assert limits["max_requests"] == arrivals.max_requests.value
        assert "outlier_detection" not in inbound


def test_a_caller_with_a_limit_of_its_own_gets_that_and_others_get_the_service_s(shop: Deployed) -> None:
    """order-service waits 2 s for inventory-service; everybody else would wait 3 s."""
    routes = envoy.routes_to(shop.seen_by("order-service"), host(shop, "inventory-service"))
    repeatable, rest = routes
    assert {route["route"]["timeout"] for route in routes} == {"2s"}
    assert {route["route"]["max_grpc_timeout"] for route in routes} == {"2s"}
    regex = repeatable["match"]["headers"][0]["string_match"]["safe_regex"]["regex"]
    assert set(regex.split("|")) == {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}
    assert "headers" not in rest["match"]


def test_requests_that_may_have_been_processed_are_not_sent_again(shop: Deployed) -> None:
    repeatable, rest = envoy.routes_to(shop.seen_by("order-service"), host(shop, "inventory-service"))
    again = repeatable["route"]["retry_policy"]
    assert again["retry_on"] == "connect-failure,refused-stream,reset,gateway-error"
    assert again["num_retries"] == 2
    tries, per_try = 1 + again["num_retries"], float(again["per_try_timeout"].removesuffix("s")) * 1000
    assert tries * per_try + policy.waits(2) <= 2_000
    once = rest["route"]["retry_policy"]
    assert once["retry_on"] == "connect-failure,refused-stream,reset-before-request"
    assert "per_try_timeout" not in once


def test_grpc_is_tried_again_by_what_grpc_says(shop: Deployed) -> None:
    routes = {
        route["name"]: route["route"]
        for route in envoy.routes_to(shop.seen_by("order-service"), host(shop, "user-service"))
    }
    twice = [route for name, route in routes.items() if "getuser" in name]
    assert [route["retry_policy"]["retry_on"] for route in twice] == [
        "connect-failure,refused-stream,reset,unavailable"
    ]
    (rest,) = [route for name, route in routes.items() if name.endswith("default-any")]
    assert rest["retry_policy"]["retry_on"] == "connect-failure,refused-stream,reset-before-request"


def test_connections_to_the_mesh_are_encrypted_and_check_who_answers(shop: Deployed) -> None:
    found = envoy.cluster(shop.seen_by("order-service"), host(shop, "payment-service"), 80)
    encrypted, plaintext = found["transport_socket_matches"]
    context = encrypted["transport_socket"]["typed_config"]["common_tls_context"]
    identities = context["combined_validation_context"]["default_validation_context"]["match_subject_alt_names"]
    assert identities == [{"exact": "spiffe://cluster.local/ns/payments/sa/payment-service"}]
    assert encrypted["match"] == {"tlsMode": "istio"}
    assert plaintext["name"] == envoy.DISABLED_TLS


def test_strict_refuses_plaintext_and_the_webhook_takes_it_on_its_port_alone(shop: Deployed) -> None:
    for service in shop.inventory.services:
        port = service.ports[0].container_port
        expected = {"mtls", "plaintext"} if service.name == "stripe-webhook" else {"mtls"}
        assert envoy.accepts(shop.seen_by(service.name), port) == expected, service.name


def test_only_declared_callers_are_admitted(shop: Deployed) -> None:
    graph = Graph(shop.inventory)
    for service in shop.inventory.services:
        callers = [edge.caller for edge in graph.callers(service)]
        expected = {f"cluster.local/ns/{one.namespace}/sa/{one.service_account}" for one in callers}
        if service.role == "gateway":
            expected = {"cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account"}
        found = envoy.principals(shop.seen_by(service.name), service.ports[0].container_port)
        assert found == expected, service.name


def test_an_authorization_filter_stands_before_every_port_even_where_nobody_calls(shop: Deployed) -> None:
    for service in shop.inventory.services:
        filters = envoy.http_filters(shop.seen_by(service.name), service.ports[0].container_port)
        assert envoy.RBAC in [one["name"] for one in filters], service.name
