"""What an AuthorizationPolicy admits, in short, for tests of it."""

from __future__ import annotations

from typing import Any

from observe.graph import Graph
from observe.istio.security.authorization_policy import authorization_policies
from observe.model import Call, Endpoint, ExternalCaller, Gateway, Mtls, Service
from observe.provenance import plain
from tests.samples import a_mesh, a_service, an_inventory

CALLS = (Call(service="shop/checkout"),)
GET = Endpoint(method="GET", path="/orders/{id}")
POST = Endpoint(method="POST", path="/orders")
PLAIN = Mtls(mode="PERMISSIVE", reason="plain webhooks")
PAYER = ExternalCaller(name="Payer", via="direct")
CART = "cluster.local/ns/shop/sa/cart"
GATEWAYS = {"web": Gateway(hosts=("shop.example.com",), secret="web-tls", namespace="edge", service_account="web")}
WEB = "cluster.local/ns/edge/sa/web"
ANONYMOUS = "*"


def policies(service: Service, *others: Service, **mesh: Any) -> dict[str, dict[str, Any]]:
    """The service's policies by name, as they are applied."""
    inventory = an_inventory(service, *others, mesh=a_mesh(**mesh))
    made = [plain(one) for one in authorization_policies(Graph(inventory), service)]
    return {one["metadata"]["name"]: one for one in made}


def policy(service: Service, *others: Service, **mesh: Any) -> dict[str, Any]:
    """The only policy of a service."""
    (found,) = policies(service, *others, **mesh).values()
    return found


def admitted(spec: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The rules in short: who, then each operation as port, method and paths. `*` is who has no identity."""
    return [_rule(rule) for rule in spec.get("rules", ())]


def _rule(rule: dict[str, Any]) -> tuple[Any, ...]:
    (source,) = (one["source"] for one in rule["from"])
    assert len(source) == 1
    assert source.get("notPrincipals", [ANONYMOUS]) == [ANONYMOUS]
    assert ANONYMOUS not in source.get("principals", ())
    who = source.get("principals", [ANONYMOUS])
    return (*who, *(_operation(one["operation"]) for one in rule["to"]))


def _operation(operation: dict[str, Any]) -> tuple[Any, ...]:
    assert list(operation) in (["ports"], ["ports", "methods", "paths"], ["ports", "paths"])
    (port,) = operation["ports"]
    assert isinstance(port, str)
    methods = operation.get("methods", ["any"] if "paths" in operation else [])
    return (port, *methods, *operation.get("paths", ()))


def rules(service: Service, *others: Service, **mesh: Any) -> list[tuple[Any, ...]]:
    return admitted(policy(service, *others, **mesh)["spec"])


def cart(*calls: Call, name: str = "cart", **changes: Any) -> Service:
    return a_service(name, calls=calls or CALLS, **changes)
