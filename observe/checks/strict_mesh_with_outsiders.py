"""STRICT for the whole mesh, with services outside of it: what they can still reach, and what not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about_mesh, few
from observe.istio.security.encryption import dialled, takes_plaintext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph

CODE = "OBS126"
TITLE = "STRICT mTLS for the whole mesh, with services outside of it"


def find(graph: Graph) -> Iterator[Finding]:
    """One finding that names them. STRICT is about who receives: it refuses their calls, and no calls to them."""
    inventory, mesh = graph.inventory, graph.inventory.mesh
    outsiders = [service.id for service in inventory.services if not service.in_mesh]
    if mesh.mtls and mesh.mtls.mode == "STRICT" and outsiders:
        problem = (
            f"is STRICT everywhere, but {few(outsiders)} {'is' if len(outsiders) == 1 else 'are'} outside of it: "
            f"no workload with a proxy takes their calls, whether in this inventory or not{_except(graph)}; calls to "
            "them go on in plaintext"
        )
        remedy = "bring them into the mesh, or see that nobody else in the mesh is called by them"
        yield about_mesh(inventory, ("mtls", "mode"), CODE, Severity.WARNING, problem, remedy)


def _except(graph: Graph) -> str:
    exceptions = few(_exceptions(graph))
    return f", except {exceptions}" if exceptions else ""


def _exceptions(graph: Graph) -> list[str]:
    """The services of the mesh that take the calls which outsiders declare."""
    mesh = graph.inventory.mesh
    edges = (edge for edge in graph.edges if edge.callee.in_mesh and not edge.caller.in_mesh)
    taken = (
        edge.callee.id
        for edge in edges
        if any(takes_plaintext(mesh, edge.callee, port.container_port) for port in dialled(edge))
    )
    return sorted(set(taken))
