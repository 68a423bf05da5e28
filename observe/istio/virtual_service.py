"""VirtualService: how long requests to a service may take, and which are tried again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from observe import policy
from observe.istio.metadata import Manifest, manifest
from observe.istio.retries import ANY_METHOD, IDEMPOTENT, IDEMPOTENT_GRPC, retries
from observe.model import IDEMPOTENT_METHODS, Call, Endpoint, Inventory, Port, Service, format_duration
from observe.naming import ANNOTATION_REASON, host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Edge, Graph

KIND: Final = "VirtualService"
API_VERSION: Final = "networking.istio.io/v1"


def virtual_service(inventory: Inventory, graph: Graph, service: Service) -> Manifest | None:
    """The routes to a service from inside the mesh; None when it has no port with requests.

    Order decides, the first match wins: endpoints with a limit or a promise of their own, then callers with
    their own, then everybody. Each group is split into requests that may be sent twice and the rest.
    """
    if not service.request_ports:
        return None
    routes = [route for port in service.request_ports for route in _routes(inventory, graph, service, port)]
    spec = {"hosts": [host(service.namespace, service.name, inventory.mesh.cluster_domain)], "http": routes}
    annotations = {ANNOTATION_REASON: policy.route(service).reason}
    return manifest(inventory.mesh, API_VERSION, KIND, service.namespace, service.name, spec, annotations)


def _routes(inventory: Inventory, graph: Graph, service: Service, port: Port) -> Iterator[Manifest]:
    scope: Manifest = {"port": port.number} if len(service.ports) > 1 else {}
    for endpoint in service.endpoints:
        if _is_special(endpoint, port):
            yield _endpoint_route(inventory, service, port, endpoint, scope)
    for edge in graph.callers(service):
        if edge.call.timeout or edge.call.retries:
            caller = {**scope, **_from(edge)}
            yield from _split(inventory, service, port, caller, edge.call)
    yield from _split(inventory, service, port, scope, None)


def _split(
    inventory: Inventory, service: Service, port: Port, match: Manifest, call: Call | None
) -> Iterator[Manifest]:
    """A route for methods that may be sent twice, and one for the rest. gRPC is always POST, so it has only one."""
    chosen = policy.route(service, call)
    if port.protocol == "http" and chosen.attempts.value:
        methods = {"method": {"regex": "|".join(IDEMPOTENT_METHODS)}}
        yield _route(
            inventory,
            service,
            port,
            {**match, **methods},
            chosen,
            IDEMPOTENT,
            _name(port, call, "idempotent"),
        )
    yield _route(inventory, service, port, match, chosen, ANY_METHOD, _name(port, call, "any"))


def _name(port: Port, call: Call | None, kind: str) -> str:
    """A route's name: it appears in access logs."""
    return f"{port.name}-{'caller' if call else 'default'}-{kind}"


def _is_special(endpoint: Endpoint, port: Port) -> bool:
    """Whether an endpoint needs a route of its own on this port."""
    if (endpoint.grpc is not None) != (port.protocol == "grpc"):
        return False
    by_method = endpoint.grpc is None and endpoint.method in IDEMPOTENT_METHODS
    return endpoint.timeout is not None or endpoint.is_idempotent != by_method


def _endpoint_route(
    inventory: Inventory, service: Service, port: Port, endpoint: Endpoint, scope: Manifest
) -> Manifest:
    own = Call(service=service.name, timeout=endpoint.timeout)
    twice = IDEMPOTENT_GRPC if endpoint.grpc else IDEMPOTENT
    conditions = twice if endpoint.is_idempotent else ANY_METHOD
    match = {**scope, **_operation(endpoint)}
    name = f"{port.name}-endpoint-{re.sub(r'[^a-z0-9]+', '-', endpoint.title.lower()).strip('-')}"
    return _route(inventory, service, port, match, policy.route(service, own), conditions, name)


def _operation(endpoint: Endpoint) -> Manifest:
    if endpoint.grpc:
        return {"uri": {"exact": f"/{endpoint.grpc}"}, "method": {"exact": "POST"}}
    path = endpoint.path or "/"
    uri = {"regex": re.sub(r"\\\{[^/}]*\\\}", "[^/]+", re.escape(path))} if "{" in path else {"exact": path}
    return {"uri": uri, "method": {"exact": endpoint.method}}


def _from(edge: Edge) -> Manifest:
    """Only requests of this caller's pods."""
    return {"sourceLabels": dict(edge.caller.selector), "sourceNamespace": edge.caller.namespace}


def _route(
    inventory: Inventory,
    service: Service,
    port: Port,
    match: Manifest,
    chosen: policy.RoutePolicy,
    conditions: str,
    name: str,
) -> Manifest:
    destination = {
        "host": host(service.namespace, service.name, inventory.mesh.cluster_domain),
        "port": {"number": port.number},
    }
    route: Manifest = {"name": name}
    if match:
        route["match"] = [match]
    route["route"] = [{"destination": destination}]
    route["timeout"] = format_duration(chosen.timeout.value)
    route["retries"] = retries(chosen, conditions)
    return route
