"""HTTPRoute of the Kubernetes Gateway API: how long requests to a service may take.

It says less than a VirtualService: no callers, no shares among the versions of one Service, and in its standard
channel no retries, so that Istio's own hold: two, for what failed to connect, was refused, or (gRPC) was unavailable
or cancelled (istio `retry.go`). gRPC has HTTPRoutes too: a GRPCRoute has no timeout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.istio.gateways.exposures import by_timeout
from observe.istio.gateways.kubernetes_gateway import API_VERSION
from observe.istio.metadata import Manifest, manifest
from observe.istio.traffic.path_templates import path_regex
from observe.istio.traffic.routes import is_routed, routes
from observe.naming import host_of
from observe.provenance import Origin, Sourced, declared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.istio.traffic.route import Route
    from observe.model import Endpoint, Inventory, Mesh, Port, Service

KIND: Final = "HTTPRoute"
MOST_RULES: Final = 16
"""What the CRD takes; Istio puts the rules of several HTTPRoutes together again, and orders them all."""

NO_TIMEOUT: Final = "0s"
"""The Gateway API's word for it (GEP-1742)."""


def http_routes(inventory: Inventory, graph: Graph, service: Service) -> Iterator[Manifest]:
    """The routes to a service from inside the mesh, for each of its ports with requests.

    Nothing where nobody would read them, and for a service outside the cluster, which is no Service.
    """
    if inventory.mesh.routing != "gateway-api" or not is_routed(inventory, service) or service.outside:
        return
    made = by_timeout(route for route in routes(graph, service) if not (route.caller or route.dark))
    for port in service.request_ports:
        here = [route for route in made if route.port.value == port]
        whole = any(is_template(route.operation.value) for route in here if route.operation)
        rules = [rule(inventory, service, route, everything=whole) for route in here]
        yield from in_parts(
            inventory.mesh, service.namespace, _name(service, port), _parent(inventory, service, port), rules
        )


def in_parts(mesh: Mesh, namespace: str, name: str, where: Manifest, rules: list[Manifest]) -> Iterator[Manifest]:
    """As many HTTPRoutes as it takes; the second is called `<name>.2`, which nothing else is: no service's name has a
    dot, and no top-level domain is a number.
    """
    for part, first in enumerate(range(0, len(rules), MOST_RULES), start=1):
        spec = {**where, "rules": rules[first : first + MOST_RULES]}
        yield manifest(mesh, API_VERSION, KIND, namespace, name if part == 1 else f"{name}.{part}", spec)


def rule(inventory: Inventory, service: Service, route: Route, *, everything: bool = False) -> Manifest:
    """A rule of an HTTPRoute. With `everything`, one for all paths is a regular expression: Istio puts a prefix before
    any expression, so `/` would leave nothing to the templates (`sortHTTPRoutes` in istio `conversion.go`).
    """
    timeout = route.policy.timeout
    limit = NO_TIMEOUT if timeout.value is None else duration(timeout.value)
    matches = _matches(route, everything=everything)
    return {
        **({"matches": [matches]} if matches else {}),
        "timeouts": {"request": Sourced(limit, timeout.origin)},
        "backendRefs": [backend(inventory, service, route.port)],
    }


def backend(inventory: Inventory, service: Service, port: Sourced[Port]) -> Manifest:
    """Where a rule sends requests: a Service, or by Istio's own kind a host outside the cluster."""
    number = {"port": Sourced(port.value.number, port.origin)}
    if service.outside:
        host = {"group": "networking.istio.io", "kind": "Hostname", "name": host_of(inventory.mesh, service)}
        origin = declared(inventory, service, "outside", "host", why="the service's host")
        return {**{key: Sourced(value, origin) for key, value in host.items()}, **number}
    origin = declared(inventory, service, why="the service")
    return {"name": Sourced(service.name, origin), "namespace": Sourced(service.namespace, origin), **number}


def is_template(endpoint: Endpoint) -> bool:
    """Whether an operation's path has placeholders, and so needs a regular expression."""
    return "{" in (endpoint.path or "")


def _matches(route: Route, *, everything: bool) -> Manifest:
    if route.operation:
        return _operation(route.operation)
    if everything:
        return {"path": Sourced({"type": "RegularExpression", "value": "/.*"}, Origin("the rest, after the templates"))}
    if route.prefix and route.prefix.value != "/":
        return {"path": Sourced({"type": "PathPrefix", "value": route.prefix.value}, route.prefix.origin)}
    return {}


def _operation(operation: Sourced[Endpoint]) -> Manifest:
    endpoint, origin = operation.value, operation.origin
    if endpoint.grpc:
        return {"path": Sourced({"type": "Exact", "value": f"/{endpoint.grpc}"}, origin)}
    path = endpoint.path or "/"
    exact = {"type": "Exact", "value": path}
    template = {"type": "RegularExpression", "value": path_regex(path)}
    return {
        "path": Sourced(template if is_template(endpoint) else exact, origin),
        "method": Sourced(endpoint.method, origin),
    }


def _name(service: Service, port: Port) -> str:
    return service.name if len(service.request_ports) == 1 else f"{service.name}-{port.name}"


def _parent(inventory: Inventory, service: Service, port: Port) -> Manifest:
    """The Service itself: its routes are for everybody who calls it."""
    origin = declared(inventory, service, why="the service")
    parent: Manifest = {"group": "", "kind": "Service", "name": service.name}
    if len(service.ports) > 1:
        parent["port"] = Sourced(
            port.number, declared(inventory, service, "ports", service.ports.index(port), "number")
        )
    return {"parentRefs": [Sourced(parent, origin)]}


def duration(milliseconds: int) -> str:
    """A duration as the Gateway API writes it, with at most five digits of each unit (GEP-2257)."""
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    parts = ((minutes, "m"), (seconds, "s"), (rest, "ms"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or NO_TIMEOUT
