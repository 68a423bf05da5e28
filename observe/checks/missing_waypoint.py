"""An ambient namespace without a waypoint: encrypted, and blind to single requests."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about_mesh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.model import Mesh

CODE = "OBS137"
TITLE = "Nothing in a namespace knows single requests"

MOST_NAMES = 5
"""Services that are named; of more it says how many."""


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each namespace of an ambient mesh where services take requests, unless it says that it wants no
    waypoint.
    """
    mesh, found = graph.inventory.mesh, defaultdict[str, list[str]](list)
    for service in graph.inventory.in_mesh:
        if service.request_ports and not _decided(mesh, service.namespace):
            found[service.namespace].append(service.name)
    for namespace, names in sorted(found.items()):
        which = ", ".join(names) if len(names) <= MOST_NAMES else f"{len(names)} services"
        problem = (
            f"is ambient, and the namespace {namespace} has no waypoint: timeouts, retries, circuit breakers, request "
            f"metrics and alerts, and methods and paths in policies mean nothing for {which}"
        )
        remedy = (
            "set mesh.waypoints to true; where connections are all that matters, "
            f"set mesh.namespaces.{namespace}.waypoint to false"
        )
        yield about_mesh(graph.inventory, ("waypoints",), CODE, Severity.WARNING, problem, remedy)


def _decided(mesh: Mesh, namespace: str) -> bool:
    """Whether there is a waypoint, or its absence is what somebody wrote."""
    listed = mesh.namespaces.get(namespace)
    said = listed is not None and listed.waypoint is not None
    return mesh.data_plane != "ambient" or said or mesh.has_waypoint(namespace)
