"""Outlier detection that cannot eject: the breaker is configured, and does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe import policy
from observe.checks.finding import Finding, Severity, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph

CODE = "OBS108"
TITLE = "The circuit breaker can never eject an instance"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding where one instance of the declared replicas is a larger share than may be ejected."""
    for service in graph.inventory.services:
        percent, replicas = service.breaker.max_ejection_percent, policy.instances(service)
        least = policy.least_percent(replicas)
        if percent is not None and percent < least:
            said = f"{replicas} replica{'s' if replicas > 1 else ''}"
            problem = f"has {said} and max_ejection_percent {percent}: one instance is more, so none is ever ejected"
            remedy = f"raise breaker.max_ejection_percent to {least} or more, or remove it"
            below = ("breaker", "max_ejection_percent")
            yield about(graph.inventory, service, below, CODE, Severity.ERROR, problem, remedy)
