"""Versions that nobody can tell apart: a canary of 5 % gets as many requests as it has pods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about
from observe.istio.traffic.routes import is_routed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph

CODE = "OBS138"
TITLE = "Requests are not shared among versions as declared"


BY_PODS = "every version gets as many requests as it has pods"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each service with versions where routes name Services only, or nobody reads routes."""
    inventory = graph.inventory
    for service in inventory.services:
        if not service.versions:
            continue
        if inventory.mesh.routing == "gateway-api":
            problem = f"has versions, and the Gateway API knows Services only: {BY_PODS}"
            remedy = "declare each version as a service of its own, or set mesh.routing to istio"
        elif not is_routed(inventory, service):
            problem = f"has versions, and no waypoint in {service.namespace} that would read their weights: {BY_PODS}"
            remedy = "give the namespace a waypoint, or remove the versions"
        else:
            continue
        yield about(inventory, service, ("versions",), CODE, Severity.ERROR, problem, remedy)
