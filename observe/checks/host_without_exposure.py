"""A gateway answers for a host, and there is nothing behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about_mesh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph

CODE = "OBS134"
TITLE = "Nothing is exposed at a gateway's host"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each host that no service names."""
    inventory = graph.inventory
    named = {(exposure.gateway, exposure.host) for service in inventory.services for exposure in service.exposures}
    for name, gateway in sorted(inventory.mesh.gateways.items()):
        for index, host in enumerate(gateway.hosts):
            if (name, host) not in named:
                problem = f"answers for {host} at the gateway {name}, with 404: no service is exposed there"
                remedy = "expose a service at it, or remove the host"
                below = ("gateways", name, "hosts", index)
                yield about_mesh(inventory, below, CODE, Severity.INFO, problem, remedy)
