"""How requests to a service are told apart, and what holds for each kind: data, which VirtualService and HTTPRoute
write down each in its own way.

On a port there is a route for every operation whose timeout, retries or promise differ from the rest, two for every
caller with its own choice (methods that may be repeated, and the others), and two for everybody. Every version that
is launched in the dark doubles that: so a port has at most

    (operations x (1 + callers with their own choice) + 2 x (1 + callers with their own choice)) x (1 + dark versions)

routes, and in practice a handful, since an operation has one for a caller only where it differs there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from observe.istio.traffic.port_routes import PortRoutes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from observe.graph import Edge, Graph
    from observe.istio.traffic.route import Route
    from observe.model import Call, Inventory, Port, Service


def routes(graph: Graph, service: Service) -> tuple[Route, ...]:
    """The routes of requests from inside the mesh: every port with requests, most specific first on each.

    A caller's own choice is told by its pods' labels, which a proxy knows of itself. A waypoint serves all callers,
    so there are no such routes in an ambient mesh; nor for a caller without a proxy.
    """
    sidecars = graph.inventory.mesh.data_plane == "sidecar"
    edges = tuple(edge for edge in graph.callers(service) if sidecars and edge.caller.in_mesh and chooses(edge.call))
    made = (
        route
        for index, port in enumerate(service.ports)
        if port.protocol != "tcp"
        for route in PortRoutes(graph.inventory, service, index, _dialling(edges, port)).routes()
    )
    return tuple(_numbered(made))


def exposed(inventory: Inventory, service: Service, exposure: int) -> tuple[Route, ...]:
    """The routes of requests that a gateway passes on, below the path of one of the service's exposures. Empty when
    the exposure's port takes no requests.
    """
    said = service.exposures[exposure]
    found = (index for index, port in enumerate(service.ports) if port.protocol != "tcp")
    index = next((index for index in found if said.port in (None, service.ports[index].number)), None)
    if index is None:
        return ()
    return tuple(_numbered(PortRoutes(inventory, service, index, (), exposure).routes()))


def is_routed(inventory: Inventory, service: Service) -> bool:
    """Whether a proxy between callers and service reads routes: every caller's sidecar does, of ambient's proxies only
    waypoints (istio `pilot/pkg/networking/core`; ztunnel knows connections alone).
    """
    mesh = inventory.mesh
    return mesh.data_plane == "sidecar" or mesh.has_waypoint(service.namespace)


def chooses(call: Call) -> bool:
    """Whether a caller decides anything by itself."""
    own = (
        endpoint.timeout or endpoint.retries or endpoint.streaming or endpoint.idempotent is not None
        for endpoint in call.endpoints
    )
    return bool(call.timeout or call.retries) or any(own)


def _dialling(edges: Iterable[Edge], port: Port) -> tuple[Edge, ...]:
    return tuple(edge for edge in edges if edge.call.port in (None, port.number))


def _numbered(made: Iterable[Route]) -> Iterator[Route]:
    """The same routes; of those with one name the second is called `-2`, and so on."""
    seen: dict[str, int] = {}
    for route in made:
        seen[route.name] = seen.get(route.name, 0) + 1
        yield route if seen[route.name] == 1 else replace(route, name=f"{route.name}-{seen[route.name]}")
