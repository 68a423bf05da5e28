"""Outlier detection that cannot eject: the breaker is configured, and does nothing."""

from __future__ import annotations

from collections.abc import Iterator

from observe import policy
from observe.checks.finding import Finding, Severity, about
from observe.graph import Graph
from observe.model import Inventory

CODE = "OBS108"
TITLE = "The circuit breaker can never eject an instance"


def find(inventory: Inventory, graph: Graph) -> Iterator[Finding]:
    for service in inventory.services:
        percent, least = policy.breaker(service).max_ejection_percent, policy.least_percent(service)
        if percent < least:
            problem = (
                f"has {service.replicas} replica{'s' if service.replicas > 1 else ''} and max_ejection_percent {percent}: "
                f"one instance is already more than that, so none is ever ejected"
            )
            remedy = f"raise breaker.max_ejection_percent to {least} or more"
            below = ("breaker", "max_ejection_percent")
            yield about(inventory, service, below, CODE, Severity.ERROR, problem, remedy)
