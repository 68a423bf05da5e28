"""Global rate limits that nobody counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about_mesh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph

CODE = "OBS136"
TITLE = "Nobody counts a gateway's rate limits"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each gateway with limits where the mesh has no rate limit service."""
    mesh = graph.inventory.mesh
    for name, gateway in sorted(mesh.gateways.items()):
        if gateway.rate_limits and mesh.rate_limit_service is None:
            problem = f"has rate limits at the gateway {name} and no service that counts for them: nothing is limited"
            remedy = "install envoyproxy/ratelimit and give mesh.rate_limit_service, or remove the limits"
            below = ("gateways", name, "rate_limits")
            yield about_mesh(graph.inventory, below, CODE, Severity.ERROR, problem, remedy)
