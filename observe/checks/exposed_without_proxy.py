"""A service outside the mesh behind a gateway: encrypted up to the gateway, and not beyond."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph

CODE = "OBS135"
TITLE = "A gateway speaks plaintext to an exposed service"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each exposed service without a proxy, unless it speaks TLS itself."""
    for service in graph.inventory.services:
        if service.exposures and not service.in_mesh and not (service.outside and service.outside.tls):
            problem = (
                "is exposed and has no proxy: the gateway sends it what came in encrypted in plaintext, "
                "and it cannot tell the gateway from anybody else"
            )
            remedy = "bring it into the mesh, or accept it with a silence"
            yield about(graph.inventory, service, ("exposures", 0), CODE, Severity.WARNING, problem, remedy)
