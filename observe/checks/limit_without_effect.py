"""A timeout or retries that no proxy keeps: whoever wrote them counts on what does not happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about
from observe.istio.traffic.routes import chooses, is_routed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Edge, Graph
    from observe.model import Inventory, Service

CODE = "OBS116"
TITLE = "A timeout or retries have no effect"


def find(graph: Graph) -> Iterator[Finding]:
    """Findings about the own choices of calls and of services. Gateways keep those of services that are exposed."""
    inventory = graph.inventory
    for edge in graph.edges:
        why = _why_not_for(inventory, edge)
        if why and chooses(edge.call):
            problem = f"sets limits of its own for calls to {edge.callee.id}, which nobody keeps: {why}"
            remedy = f"set them in {edge.callee.id}'s route or endpoints, or in the application"
            below = ("calls", edge.index)
            yield about(inventory, edge.caller, below, CODE, Severity.WARNING, problem, remedy)
    for service in inventory.services:
        why = _why_not_to(inventory, service)
        if why and not service.exposures and (service.route.timeout or service.route.retries):
            problem = f"sets limits for requests to it, which nobody keeps: {why}"
            remedy = "remove route, and set them in the applications that call it"
            yield about(inventory, service, ("route",), CODE, Severity.WARNING, problem, remedy)


def _why_not_for(inventory: Inventory, edge: Edge) -> str | None:
    mesh = inventory.mesh
    if not edge.caller.in_mesh:
        return "it has no proxy"
    if mesh.data_plane == "ambient":
        return "in an ambient mesh a waypoint serves all callers alike"
    if mesh.routing == "gateway-api":
        return "an HTTPRoute cannot tell callers apart"
    return _why_not_to(inventory, edge.callee)


def _why_not_to(inventory: Inventory, service: Service) -> str | None:
    if not service.request_ports:
        return "its connections are tcp, in which the mesh sees no requests"
    return None if is_routed(inventory, service) else "there is no waypoint before it"
