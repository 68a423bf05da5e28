"""Services wait for each other: a slow one slows itself, and no timeout can be right for all of them."""

from __future__ import annotations

from collections.abc import Iterator

from observe.checks.finding import Finding, Severity, about
from observe.graph import Graph
from observe.model import Inventory

CODE = "OBS103"
TITLE = "Services call each other in a circle"


def find(inventory: Inventory, graph: Graph) -> Iterator[Finding]:
    for cycle in graph.cycles():
        names = ", ".join(service.id for service in cycle)
        problem = f"is part of a circle of calls: {names}" if len(cycle) > 1 else "calls itself and waits for the answer"
        remedy = "remove one of the calls, or mark it asynchronous where nobody waits for the answer"
        yield about(inventory, cycle[0], ("calls",), CODE, Severity.ERROR, problem, remedy)
