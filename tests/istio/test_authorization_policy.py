"""AuthorizationPolicy: declared callers, ports and operations, and nobody else."""

from __future__ import annotations

from typing import Any

from observe.graph import Graph
from observe.istio.authorization_policy import authorization_policy
from observe.model import Call, Endpoint, ExternalCaller, Ingress, Mtls, Service
from tests.samples import GRPC, HTTP, TCP, a_mesh, a_service, an_inventory

CALLS = (Call(service="shop/checkout"),)


def spec(service: Service, *others: Service, **mesh: Any) -> dict[str, Any]:
    inventory = an_inventory(service, *others, mesh=a_mesh(**mesh))
    made = authorization_policy(inventory, Graph(inventory), service)
    assert made is not None
    found: dict[str, Any] = made["spec"]
    return found


def test_callers_are_admitted_by_the_identities_of_their_accounts() -> None:
    cart = a_service("cart", namespace="web", service_account="cart-account", calls=CALLS)
    (rule,) = spec(a_service(), cart, trust_domain="acme.example.com")["rules"]
    assert rule["from"] == [{"source": {"principals": ["acme.example.com/ns/web/sa/cart-account"]}}]


def test_caller_without_account_runs_as_the_namespaces_default() -> None:
    (rule,) = spec(a_service(), a_service("cart", service_account=None, calls=CALLS))["rules"]
    assert rule["from"] == [{"source": {"principals": ["cluster.local/ns/shop/sa/default"]}}]


def test_service_that_nobody_calls_admits_nobody() -> None:
    """ALLOW without rules denies every request."""
    found = spec(a_service())
    assert found["action"] == "ALLOW"
    assert "rules" not in found


def test_gateway_admits_the_ingress() -> None:
    ingress = Ingress(namespace="ingress", service_account="gateway")
    (rule,) = spec(a_service(role="gateway"), ingress=ingress)["rules"]
    assert rule["from"] == [{"source": {"principals": ["cluster.local/ns/ingress/sa/gateway"]}}]


def test_ports_are_the_containers_as_text() -> None:
    (rule,) = spec(a_service(ports=(HTTP, TCP)), a_service("cart", calls=CALLS))["rules"]
    assert rule["to"] == [{"operation": {"ports": ["8080"]}}, {"operation": {"ports": ["5432"]}}]


def test_declared_endpoints_limit_methods_and_paths() -> None:
    endpoints = (
        Endpoint(method="GET", path="/orders/{id}"),
        Endpoint(method="GET", path="/orders"),
        Endpoint(method="POST", path="/orders"),
    )
    (rule,) = spec(a_service(endpoints=endpoints), a_service("cart", calls=CALLS))["rules"]
    assert rule["to"] == [
        {"operation": {"ports": ["8080"], "methods": ["GET"], "paths": ["/orders", "/orders/{*}"]}},
        {"operation": {"ports": ["8080"], "methods": ["POST"], "paths": ["/orders"]}},
    ]


def test_http_fields_stay_off_tcp_ports_where_they_never_match() -> None:
    endpoints = (Endpoint(method="GET", path="/"),)
    (rule,) = spec(a_service(ports=(HTTP, TCP), endpoints=endpoints), a_service("cart", calls=CALLS))["rules"]
    assert rule["to"][-1] == {"operation": {"ports": ["5432"]}}


def test_grpc_methods_are_paths_of_post_requests() -> None:
    endpoints = (Endpoint(grpc="acme.v1.Users/GetUser"),)
    (rule,) = spec(a_service(ports=(GRPC,), endpoints=endpoints), a_service("cart", calls=CALLS))["rules"]
    assert rule["to"] == [{"operation": {"ports": ["9000"], "methods": ["POST"], "paths": ["/acme.v1.Users/GetUser"]}}]


def test_direct_caller_from_outside_gets_its_own_operations_and_only_without_identity() -> None:
    hook = Endpoint(method="POST", path="/webhook")
    service = a_service(
        endpoints=(hook, Endpoint(method="GET", path="/events")),
        external_callers=(ExternalCaller(name="Payer", via="direct", endpoints=(hook,)),),
        mtls=Mtls(mode="PERMISSIVE", reason="plain webhooks"),
    )
    (rule,) = spec(service)["rules"]
    assert rule["from"] == [{"source": {"notPrincipals": ["*"]}}]
    assert rule["to"] == [{"operation": {"ports": ["8080"], "methods": ["POST"], "paths": ["/webhook"]}}]


def test_direct_caller_is_limited_to_the_ports_of_the_exception() -> None:
    service = a_service(
        ports=(HTTP, GRPC),
        external_callers=(ExternalCaller(name="Payer", via="direct"),),
        mtls=Mtls(mode="PERMISSIVE", ports=(8080,), reason="plain webhooks"),
    )
    (rule,) = spec(service)["rules"]
    assert rule["to"] == [{"operation": {"ports": ["8080"]}}]


def test_under_strict_no_door_is_opened_for_plaintext() -> None:
    outside = (ExternalCaller(name="Payer", via="direct"),)
    assert "rules" not in spec(a_service(external_callers=outside))


def test_outside_caller_through_the_ingress_is_the_ingress() -> None:
    (rule,) = spec(a_service(external_callers=(ExternalCaller(name="Payer"),)))["rules"]
    assert rule["from"][0]["source"]["principals"] == [
        "cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account"
    ]


def test_caller_without_proxy_has_no_identity_to_admit() -> None:
    legacy = a_service("legacy", in_mesh=False, calls=CALLS)
    (rule,) = spec(a_service(mtls=Mtls(mode="PERMISSIVE", reason="legacy has no sidecar")), legacy)["rules"]
    assert rule["from"] == [{"source": {"notPrincipals": ["*"]}}]


def test_asynchronous_call_is_authorized_like_any_other() -> None:
    (rule,) = spec(a_service(), a_service("cart", calls=(Call(service="shop/checkout", asynchronous=True),)))["rules"]
    assert rule["from"] == [{"source": {"principals": ["cluster.local/ns/shop/sa/cart"]}}]


def test_service_without_proxy_has_none() -> None:
    inventory = an_inventory(a_service(in_mesh=False))
    assert authorization_policy(inventory, Graph(inventory), inventory.services[0]) is None


def test_ambient_policy_has_ports_and_identities_only() -> None:
    """Ztunnel drops a rule with HTTP fields, and with it everybody whom the rule would admit."""
    service = a_service(endpoints=(Endpoint(method="GET", path="/orders"),))
    (rule,) = spec(service, a_service("cart", calls=CALLS), data_plane="ambient")["rules"]
    assert rule["to"] == [{"operation": {"ports": ["8080"]}}]
