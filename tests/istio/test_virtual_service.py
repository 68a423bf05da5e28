"""VirtualService: routes by endpoint, caller and method."""

from __future__ import annotations

from typing import Any

import pytest

from observe.graph import Graph
from observe.istio.retries import ANY_METHOD, IDEMPOTENT, IDEMPOTENT_GRPC
from observe.istio.virtual_service import virtual_service
from observe.model import Call, Endpoint, Retries, Role, Route, Service
from tests.samples import GRPC, HTTP, TCP, a_mesh, a_service, an_inventory


def routes(service: Service, *others: Service) -> list[dict[str, Any]]:
    inventory = an_inventory(service, *others)
    made = virtual_service(inventory, Graph(inventory), service)
    assert made is not None
    found: list[dict[str, Any]] = made["spec"]["http"]
    return found


@pytest.mark.parametrize(
    ("role", "timeout", "attempts"),
    [
        ("sync", "3s", 2),
        ("orchestrator", "5s", 2),
        ("external", "10s", 1),
        ("worker", "10s", 2),
        ("data", "3s", 2),
        ("gateway", "15s", 0),
    ],
)
def test_role_gives_timeout_and_retries(role: Role, timeout: str, attempts: int) -> None:
    last = routes(a_service(role=role))[-1]
    assert (last["timeout"], last["retries"]["attempts"]) == (timeout, attempts)


def test_methods_that_may_not_be_repeated_are_retried_only_when_the_request_never_arrived() -> None:
    first, last = routes(a_service())
    assert first["match"] == [{"method": {"regex": "GET|HEAD|OPTIONS|PUT|DELETE"}}]
    assert first["retries"]["retryOn"] == IDEMPOTENT
    assert "match" not in last
    assert last["retries"] == {"attempts": 2, "retryOn": ANY_METHOD}


def test_per_try_timeouts_of_all_tries_and_waits_fit_into_the_timeout() -> None:
    # 3 s less two waits of 100 ms, shared by three tries
    assert routes(a_service())[0]["retries"]["perTryTimeout"] == "933ms"


def test_no_retries_means_attempts_alone_and_a_single_route() -> None:
    """Istio refuses attempts 0 together with conditions."""
    (only,) = routes(a_service(route=Route(retries=Retries(attempts=0))))
    assert only["retries"] == {"attempts": 0}


def test_grpc_is_not_split_by_method_and_retried_only_when_it_never_arrived() -> None:
    (only,) = routes(a_service(ports=(GRPC,)))
    assert "match" not in only
    assert only["retries"]["retryOn"] == ANY_METHOD


def test_idempotent_grpc_method_is_retried_when_unavailable() -> None:
    endpoint = Endpoint(grpc="acme.v1.Users/GetUser", idempotent=True)
    first, last = routes(a_service(ports=(GRPC,), endpoints=(endpoint,)))
    assert first["match"] == [{"uri": {"exact": "/acme.v1.Users/GetUser"}, "method": {"exact": "POST"}}]
    assert first["retries"]["retryOn"] == IDEMPOTENT_GRPC
    assert last["retries"]["retryOn"] == ANY_METHOD


def test_post_that_is_declared_idempotent_is_retried_like_a_get() -> None:
    endpoint = Endpoint(method="POST", path="/search", idempotent=True)
    first = routes(a_service(endpoints=(endpoint,)))[0]
    assert first["match"] == [{"uri": {"exact": "/search"}, "method": {"exact": "POST"}}]
    assert first["retries"]["retryOn"] == IDEMPOTENT


def test_endpoint_with_a_limit_of_its_own_comes_before_everything_else() -> None:
    endpoint = Endpoint(method="GET", path="/reports/{id}/pages/{page}", timeout=8_000)
    caller = a_service("cart", calls=(Call(service="shop/checkout", timeout=1_000),))
    first = routes(a_service(endpoints=(endpoint,)), caller)[0]
    assert first["match"] == [{"uri": {"regex": "/reports/[^/]+/pages/[^/]+"}, "method": {"exact": "GET"}}]
    assert first["timeout"] == "8s"


def test_caller_with_a_limit_of_its_own_is_matched_by_its_pods_and_namespace() -> None:
    call = Call(service="shop/checkout", timeout=1_000, retries=Retries(attempts=1, per_try_timeout=300))
    caller = a_service("cart", namespace="web", labels={"app": "cart", "lane": "a"}, calls=(call,))
    own, own_rest, *default = routes(a_service(), caller)
    scope = {"sourceLabels": {"app": "cart", "lane": "a"}, "sourceNamespace": "web"}
    assert own["match"][0].items() >= scope.items()
    assert own_rest["match"] == [scope]
    assert (own["timeout"], own["retries"]["perTryTimeout"]) == ("1s", "300ms")
    assert [route["timeout"] for route in default] == ["3s", "3s"]


def test_caller_without_a_limit_of_its_own_needs_no_route() -> None:
    assert len(routes(a_service(), a_service("cart", calls=(Call(service="shop/checkout"),)))) == 2


def test_every_route_names_the_port_and_is_matched_by_it_when_there_are_several() -> None:
    found = routes(a_service(ports=(HTTP, GRPC, TCP)))
    assert [(route["match"][0]["port"], route["route"][0]["destination"]["port"]["number"]) for route in found] == [
        (80, 80),
        (80, 80),
        (9000, 9000),
    ]


def test_hosts_are_fully_qualified_with_the_clusters_domain() -> None:
    inventory = an_inventory(a_service(), mesh=a_mesh(cluster_domain="k8s.example.com"))
    made = virtual_service(inventory, Graph(inventory), inventory.services[0])
    assert made is not None
    assert made["spec"]["hosts"] == ["checkout.shop.svc.k8s.example.com"]


def test_service_without_requests_has_no_routes() -> None:
    inventory = an_inventory(a_service(ports=(TCP,)))
    assert virtual_service(inventory, Graph(inventory), inventory.services[0]) is None


def test_source_of_the_values_is_written_down() -> None:
    inventory = an_inventory(a_service(route=Route(timeout=4_000)))
    made = virtual_service(inventory, Graph(inventory), inventory.services[0])
    assert made is not None
    assert made["metadata"]["annotations"] == {"observe/reason": "timeout 4s (service), retries 2 (role sync)"}
