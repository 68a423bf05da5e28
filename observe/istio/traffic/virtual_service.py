"""VirtualService: how long requests to a service may take, which are tried again, and which version gets them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from observe.istio.metadata import Manifest, manifest
from observe.istio.traffic.path_templates import path_regex
from observe.istio.traffic.retries import retries
from observe.istio.traffic.route import shares
from observe.istio.traffic.routes import is_routed, routes
from observe.model import Endpoint, Inventory, Method, Path, Port, Service, format_duration
from observe.naming import host_of
from observe.provenance import Origin, Sourced, declared

if TYPE_CHECKING:
    from observe.graph import Edge, Graph
    from observe.istio.traffic.route import Route, Share

KIND: Final = "VirtualService"
API_VERSION: Final = "networking.istio.io/v1"


def virtual_service(inventory: Inventory, graph: Graph, service: Service) -> Manifest | None:
    """The routes to a service from inside the mesh; None where there is nothing to say, or nobody who would read it."""
    if inventory.mesh.routing != "istio" or not is_routed(inventory, service):
        return None
    spec: Manifest = {"hosts": [sourced_host(inventory, service)]}
    if service.request_ports:
        spec["http"] = [http_route(inventory, service, route) for route in routes(graph, service)]
    if service.versions and (tcp := [port for port in service.ports if port.protocol == "tcp"]):
        spec["tcp"] = [tcp_route(inventory, service, port) for port in tcp]
    if len(spec) == 1:
        return None
    return manifest(inventory.mesh, API_VERSION, KIND, service.namespace, service.name, spec)


def sourced_host(inventory: Inventory, service: Service) -> Sourced[str]:
    """The host that callers dial, as resources name it."""
    below = ("outside", "host") if service.outside else ()
    return Sourced(host_of(inventory.mesh, service), declared(inventory, service, *below, why="the service's host"))


def http_route(inventory: Inventory, service: Service, route: Route, *, in_mesh: bool = True) -> Manifest:
    """An entry of `http`. One for a gateway does not match the port: there it would be the gateway's own.

    For a stream it names no timeout: then there is none, and a gRPC client's own deadline stays in force (istio
    `route.go`, `setTimeout`). The API server refuses `0s`, which would mean the same (`virtual_service.proto`).
    """
    made: Manifest = {"name": Sourced(route.name, Origin("what access logs call it"))}
    ports = in_mesh and len(service.ports) > 1
    match: Manifest = {"port": Sourced(route.port.value.number, route.port.origin)} if ports else {}
    match |= _request(inventory, route)
    if match:
        made["match"] = [match]
    made["route"] = _destinations(inventory, service, route.port, route.destinations)
    timeout = route.policy.timeout
    if timeout.value is not None:
        made["timeout"] = Sourced(format_duration(timeout.value), timeout.origin)
    made["retries"] = retries(route.policy, route.conditions)
    return made


def tcp_route(inventory: Inventory, service: Service, port: Port) -> Manifest:
    """An entry of `tcp`: connections are shared among the versions; they have no headers to be told apart by."""
    where = Sourced(port, declared(inventory, service, "ports", service.ports.index(port)))
    match: Manifest = {"match": [{"port": Sourced(port.number, where.origin)}]} if len(service.ports) > 1 else {}
    return {**match, "route": _destinations(inventory, service, where, shares(inventory, service))}


def _request(inventory: Inventory, route: Route) -> Manifest:
    match: Manifest = {}
    if route.prefix and route.prefix.value != "/":
        match["uri"] = Sourced({"prefix": route.prefix.value}, route.prefix.origin)
    if route.operation:
        match |= _operation(route.operation)
    elif route.methods:
        match["method"] = _methods(route.methods)
    if route.dark:
        headers = {name: {"exact": value} for name, value in route.dark.value.headers.items()}
        match["headers"] = Sourced(headers, Origin("dark launch", _below(route.dark.origin, "headers")))
    if route.caller:
        match |= _caller(inventory, route.caller)
    return match


def _operation(operation: Sourced[Endpoint]) -> Manifest:
    endpoint, origin = operation.value, operation.origin
    if endpoint.grpc:
        return {
            "uri": Sourced({"exact": f"/{endpoint.grpc}"}, origin),
            "method": Sourced({"exact": "POST"}, Origin("gRPC is always POST", origin.path)),
        }
    path = endpoint.path or "/"
    uri = {"regex": path_regex(path)} if "{" in path else {"exact": path}
    return {"uri": Sourced(uri, origin), "method": Sourced({"exact": endpoint.method}, origin)}


def _methods(methods: tuple[Method, ...]) -> Sourced[Any]:
    return Sourced({"regex": "|".join(methods)}, Origin("methods that may be sent twice (RFC 9110)"))


def _caller(inventory: Inventory, edge: Edge) -> Manifest:
    """Only requests of this caller's pods."""
    return {
        "sourceLabels": Sourced(dict(edge.caller.selector), declared(inventory, edge.caller, "labels")),
        "sourceNamespace": Sourced(edge.caller.namespace, declared(inventory, edge.caller, "namespace")),
    }


def _destinations(inventory: Inventory, service: Service, port: Sourced[Port], to: tuple[Share, ...]) -> list[Manifest]:
    return [_destination(inventory, service, port, share, weighted=len(to) > 1) for share in to]


def _destination(
    inventory: Inventory, service: Service, port: Sourced[Port], share: Share, *, weighted: bool
) -> Manifest:
    where: Manifest = {"host": sourced_host(inventory, service)}
    if share.version:
        where["subset"] = Sourced(share.version.value.name, share.version.origin)
    where["port"] = {"number": Sourced(port.value.number, port.origin)}
    return {"destination": where, "weight": share.weight} if weighted else {"destination": where}


def _below(origin: Origin, key: str) -> Path | None:
    return (*origin.path, key) if origin.path else None
