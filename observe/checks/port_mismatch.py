"""A port is named that the service does not have, or a call does not say which of several it means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Edge, Graph
    from observe.model import Service

CODE = "OBS102"
TITLE = "A port does not fit the service"


def find(graph: Graph) -> Iterator[Finding]:
    """Findings about the ports that calls dial, and about those that mTLS exceptions are limited to."""
    inventory = graph.inventory
    for edge in graph.edges:
        said = _mismatch(edge)
        if said:
            yield about(inventory, edge.caller, ("calls", edge.index, "port"), CODE, Severity.ERROR, *said)
    for service in inventory.in_mesh:
        for index, said in _wrong_exceptions(service):
            yield about(inventory, service, ("mtls", "ports", index), CODE, Severity.ERROR, *said)


def _mismatch(edge: Edge) -> tuple[str, str] | None:
    """Problem and remedy of a call."""
    dialled, callee = edge.call.port, edge.callee
    ports = ", ".join(f"{port.number} ({port.protocol})" for port in callee.ports)
    if dialled is None and len(callee.ports) > 1:
        return (f"calls {callee.id}, which has several ports, without saying which", f"add port: one of {ports}")
    if dialled is None or dialled in {port.number for port in callee.ports}:
        return None
    behind = next((port.number for port in callee.ports if port.container_port == dialled), None)
    if behind is None:
        return (f"calls {callee.id} on port {dialled}, which it does not have", f"write one of {ports}")
    problem = f"calls {callee.id} on port {dialled}, which is its container's and not its Service's"
    return (problem, f"write {behind}: callers dial the Service")


def _wrong_exceptions(service: Service) -> Iterator[tuple[int, tuple[str, str]]]:
    """Which of mtls.ports it is, with problem and remedy. Istio ignores an exception for a port nobody listens on."""
    ports = {port.container_port for port in service.ports}
    for index, number in enumerate(service.mtls.ports):
        if number not in ports:
            problem = f"limits its mTLS exception to port {number}, which none of its containers listens on"
            yield index, (problem, f"write a container port: {', '.join(map(str, sorted(ports)))}")
