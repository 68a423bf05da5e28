"""AuthorizationPolicy: declared callers, ports and operations, and nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from observe.graph import Graph
from observe.istio.security.authorization_policy import authorization_policies
from observe.model import Call, Endpoint, Exposure, ExternalCaller, Ingress, Metrics, Port
from observe.provenance import leaves
from tests.istio.security.admitted import CALLS, CART, GATEWAYS, GET, POST, WEB, cart, policies, policy, rules
from tests.samples import GRPC, HTTP, TCP, a_service, an_inventory

USERS = Endpoint(grpc="acme.v1.Users/GetUser")
HOOK = Endpoint(method="POST", path="/webhook")
INGRESS = "cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account"


def test_service_that_nobody_calls_admits_nobody() -> None:
    """ALLOW without rules denies every request."""
    found = policy(a_service())
    assert found["spec"] == {"selector": {"matchLabels": {"app": "checkout"}}, "action": "ALLOW"}
    assert "annotations" not in found["metadata"]


def test_service_without_proxy_has_none() -> None:
    assert policies(a_service(in_mesh=False), cart()) == {}


@pytest.mark.parametrize(
    ("caller", "mesh", "principal"),
    [
        pytest.param(
            {"namespace": "web", "service_account": "cart-account"},
            {"trust_domain": "acme.example.com", "trust_domain_aliases": ("old.example.com",)},
            "acme.example.com/ns/web/sa/cart-account",
            id="by their accounts; aliases need nothing",
        ),
        pytest.param({"service_account": None}, {}, "cluster.local/ns/shop/sa/default", id="as the default account"),
        pytest.param(
            {"calls": (Call(service="shop/checkout", asynchronous=True),)}, {}, CART, id="asynchronously like any other"
        ),
    ],
)
def test_callers_are_admitted_by_their_identities(caller: dict[str, Any], mesh: dict[str, Any], principal: str) -> None:
    calling = a_service("cart", **{"calls": CALLS, **caller})
    assert rules(a_service(), calling, **mesh) == [(principal, ("8080",))]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"role": "gateway"}, [(INGRESS, ("8080",))], id="role gateway"),
        pytest.param({"external_callers": (ExternalCaller(name="Payer"),)}, [(INGRESS, ("8080",))], id="who says so"),
        pytest.param(
            {"external_callers": (ExternalCaller(name="Payer", endpoints=(HOOK,)),), "endpoints": (HOOK, POST)},
            [(INGRESS, ("8080", "POST", "/webhook"))],
            id="for what they use",
        ),
        pytest.param(
            {"role": "gateway", "exposures": (Exposure(gateway="web", host="shop.example.com", path="/v1"),)},
            [(WEB, ("8080", "any", "/v1*"))],
            id="exposures say it better than the role",
        ),
        pytest.param(
            {"exposures": (Exposure(gateway="web", host="shop.example.com"),)},
            [(WEB, ("8080",))],
            id="everything is exposed",
        ),
        pytest.param(
            {
                "exposures": (Exposure(gateway="web", host="shop.example.com", path="/orders/"),),
                "endpoints": (GET, HOOK),
            },
            [(WEB, ("8080", "GET", "/orders/{*}"))],
            id="of what the service offers",
        ),
        pytest.param(
            {
                "ports": (HTTP, GRPC),
                "exposures": (Exposure(gateway="web", host="shop.example.com", path="/v1", port=80),),
            },
            [(WEB, ("8080", "any", "/v1*"))],
            id="on the port that is exposed",
        ),
        pytest.param(
            {"exposures": (Exposure(gateway="gone", host="shop.example.com"),)}, [], id="a gateway that is not there"
        ),
    ],
)
def test_gateways_are_admitted_to_what_they_pass_on(changes: dict[str, Any], expected: list[Any]) -> None:
    assert rules(a_service(**changes), gateways=GATEWAYS) == expected


def test_the_ingress_gateways_identity_is_an_input() -> None:
    ingress = Ingress(namespace="ingress", service_account="gateway")
    assert rules(a_service(role="gateway"), ingress=ingress) == [("cluster.local/ns/ingress/sa/gateway", ("8080",))]


def test_identities_of_other_meshes_are_admitted_as_they_are() -> None:
    other = "other.example.com/ns/sales/sa/desk"
    caller = ExternalCaller(name="Sister", via="mesh", principal=other, endpoints=(GET,))
    assert rules(a_service(external_callers=(caller,))) == [(other, ("8080", "GET", "/orders/{*}"))]


@pytest.mark.parametrize(
    ("ports", "endpoints", "call", "expected"),
    [
        pytest.param((HTTP, GRPC), (), {}, [(CART, ("8080",), ("9000",))], id="any port, as none is said"),
        pytest.param((HTTP, GRPC), (), {"port": 80}, [(CART, ("8080",))], id="the port that is dialled"),
        pytest.param((HTTP,), (), {"port": 81}, [], id="a port that is not there"),
        pytest.param(
            (HTTP,),
            (GET, Endpoint(method="GET", path="/orders"), POST),
            {},
            [(CART, ("8080", "GET", "/orders", "/orders/{*}"), ("8080", "POST", "/orders"))],
            id="what the service offers",
        ),
        pytest.param(
            (HTTP,), (GET, POST), {"endpoints": (POST,)}, [(CART, ("8080", "POST", "/orders"))], id="and uses"
        ),
        pytest.param((HTTP,), (), {"endpoints": (POST,)}, [(CART, ("8080", "POST", "/orders"))], id="what it uses"),
        pytest.param((HTTP,), (GET,), {"endpoints": (POST,)}, [], id="nothing is in both"),
        pytest.param(
            (GRPC,), (USERS,), {}, [(CART, ("9000", "POST", "/acme.v1.Users/GetUser"))], id="gRPC methods are paths"
        ),
    ],
)
def test_operations_are_what_both_sides_declare(
    ports: tuple[Port, ...], endpoints: tuple[Endpoint, ...], call: dict[str, Any], expected: list[Any]
) -> None:
    service = a_service(ports=ports, endpoints=endpoints)
    assert rules(service, cart(Call(service="shop/checkout", **call))) == expected


def test_rules_with_http_fields_hold_none_without() -> None:
    """On a TCP connection Istio drops a whole rule for one operation with a method."""
    service = a_service(ports=(HTTP, TCP), endpoints=(GET,))
    assert rules(service, cart()) == [(CART, ("5432",)), (CART, ("8080", "GET", "/orders/{*}"))]


def test_callers_with_the_same_rights_share_a_rule() -> None:
    service = a_service(endpoints=(GET, POST))
    others = (cart(), cart(name="web"), cart(Call(service="shop/checkout", endpoints=(POST,)), name="billing"))
    web, billing = (f"cluster.local/ns/shop/sa/{name}" for name in ("web", "billing"))
    assert rules(service, *others) == [
        (billing, ("8080", "POST", "/orders")),
        (CART, web, ("8080", "GET", "/orders/{*}"), ("8080", "POST", "/orders")),
    ]


def test_a_shared_account_has_the_rights_of_all_who_share_it() -> None:
    service = a_service(endpoints=(GET, POST))
    one = cart(Call(service="shop/checkout", endpoints=(GET,)))
    other = cart(Call(service="shop/checkout", endpoints=(POST,)), name="other", service_account="cart")
    assert rules(service, one, other) == [(CART, ("8080", "GET", "/orders/{*}"), ("8080", "POST", "/orders"))]


def test_who_may_do_anything_on_a_port_needs_no_list() -> None:
    one = cart(Call(service="shop/checkout", endpoints=(GET,)), Call(service="shop/checkout", asynchronous=True))
    assert rules(a_service(), one) == [(CART, ("8080",))]


def test_every_value_says_what_decided_it() -> None:
    calls = (Call(service="shop/checkout", port=80, endpoints=(GET,)), Call(service="shop/checkout", port=9000))
    service = a_service(
        ports=(HTTP, GRPC), endpoints=(GET, POST), metrics=Metrics(port=9102, merged=False), authorization="dry-run"
    )
    inventory = an_inventory(service, a_service("cart", calls=calls))
    (made,) = authorization_policies(Graph(inventory), service)
    found = list(leaves({"spec": made["spec"], "annotations": made["metadata"]["annotations"]}))
    origins = {".".join(map(str, leaf.path)): leaf.origin for leaf in found}
    assert all(origin and origin.why for origin in origins.values())
    paths = {key: origin.path for key, origin in origins.items() if origin and origin.path}
    assert paths == {
        "spec.selector.matchLabels.app": ("services", "checkout", "labels"),
        "spec.rules.0.from.0.source.principals.0": ("services", "cart", "calls", 1),
        "spec.rules.0.to.0.operation.ports.0": ("services", "checkout", "ports", 1, "number"),
        "spec.rules.1.from.0.source.principals.0": ("services", "cart", "calls", 0),
        "spec.rules.1.to.0.operation.ports.0": ("services", "checkout", "ports", 0, "target_port"),
        "spec.rules.1.to.0.operation.methods.0": ("services", "cart", "calls", 0, "endpoints"),
        "spec.rules.1.to.0.operation.paths.0": ("services", "cart", "calls", 0, "endpoints"),
        "spec.rules.2.from.0.source.notPrincipals.0": ("services", "checkout", "metrics", "merged"),
        "spec.rules.2.to.0.operation.ports.0": ("services", "checkout", "metrics", "port"),
        "spec.rules.2.to.0.operation.methods.0": ("services", "checkout", "metrics", "path"),
        "spec.rules.2.to.0.operation.paths.0": ("services", "checkout", "metrics", "path"),
        "annotations.istio.io/dry-run": ("services", "checkout", "authorization"),
        "annotations.observe/reason": ("services", "checkout", "mtls", "mode"),
    }
