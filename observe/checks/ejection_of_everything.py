"""Outlier detection that may take every instance out: a broken dependency then looks like a service that is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph

CODE = "OBS117"
TITLE = "The circuit breaker may eject every instance"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding where all instances together stay within the declared percentage, which is 100 alone."""
    for service in graph.inventory.services:
        if service.breaker.max_ejection_percent == 100:
            problem = (
                "has max_ejection_percent 100: when what it depends on fails, every instance is ejected, and callers "
                "get 503 for at least the ejection time, also after it has recovered"
            )
            remedy = "lower breaker.max_ejection_percent, or remove it: 50 is enough for two instances and more"
            below = ("breaker", "max_ejection_percent")
            yield about(graph.inventory, service, below, CODE, Severity.WARNING, problem, remedy)
