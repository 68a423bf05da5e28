"""A fault that should be gone by now: an experiment that nobody ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph

CODE = "OBS130"
TITLE = "A fault has outlived its last day"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each fault whose last day is over on the day of the inventory; none when that is not known."""
    day = graph.inventory.day
    for service in graph.inventory.services:
        for index, fault in enumerate(service.faults):
            if day is not None and fault.expires < day:
                problem = (
                    f"still has the fault {fault.name}, whose last day was {fault.expires}: requests go on failing"
                )
                remedy = "remove it, and run observe prune --expired; or give it a new day"
                below = ("faults", index, "expires")
                yield about(graph.inventory, service, below, CODE, Severity.ERROR, problem, remedy)
