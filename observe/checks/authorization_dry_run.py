"""Authorization is only tried out: in order, and on every list, so that it is enforced one day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about
from observe.istio.security.authorization_policy import denies_by_default

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.model import Inventory, Service

CODE = "OBS127"
TITLE = "Authorization is only tried out"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each service in the mesh whose policy refuses nobody yet."""
    for service in graph.inventory.in_mesh:
        if service.authorization == "dry-run":
            problem = f"is authorized in a dry run: {_what_happens(graph.inventory, service)}"
            remedy = "set authorization to enforce when nobody who should call is counted as denied"
            yield about(graph.inventory, service, ("authorization",), CODE, Severity.INFO, problem, remedy)


def _what_happens(inventory: Inventory, service: Service) -> str:
    """Istiod keeps such policies from ztunnel, unless AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY is set."""
    counted = inventory.mesh.data_plane == "sidecar" or inventory.mesh.has_waypoint(service.namespace)
    what = "who is not declared is let in and only counted" if counted else "everybody is let in, and nobody counted"
    if denies_by_default(inventory, service.namespace):
        return f"{what}, although namespace {service.namespace} denies by default"
    return what
