"""A call dials a port that the callee does not have, or does not say which of several it means."""

from __future__ import annotations

from collections.abc import Iterator

from observe.checks.finding import Finding, Severity, about
from observe.graph import Edge, Graph
from observe.model import Inventory

CODE = "OBS102"
TITLE = "A call's port does not fit the callee"


def find(inventory: Inventory, graph: Graph) -> Iterator[Finding]:
    for edge in graph.edges:
        said = _mismatch(edge)
        if said:
            below = ("calls", edge.index, "port")
            yield about(inventory, edge.caller, below, CODE, Severity.ERROR, *said)


def _mismatch(edge: Edge) -> tuple[str, str] | None:
    ports = ", ".join(f"{port.number} ({port.protocol})" for port in edge.callee.ports)
    if edge.call.port is None and len(edge.callee.ports) > 1:
        return (f"calls {edge.callee.id}, which has several ports, without saying which", f"add port: one of {ports}")
    if edge.call.port is None or edge.call.port in {port.number for port in edge.callee.ports}:
        return None
    return (f"calls {edge.callee.id} on port {edge.call.port}, which it does not have", f"its ports are {ports}")
