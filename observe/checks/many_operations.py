"""A service declares more operations than its metrics tell apart: no alert can name those that are left over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about
from observe.istio.telemetry.endpoint_expression import MOST_OPERATIONS
from observe.istio.telemetry.telemetry_endpoints import named_operations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph

CODE = "OBS140"
TITLE = "More operations than metrics tell apart"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each service with operations that are left over, at the first of them."""
    inventory = graph.inventory
    for service in inventory.in_mesh:
        titles = [endpoint.title for endpoint in named_operations(inventory, service)]
        told = set(titles[:MOST_OPERATIONS])
        left = [index for index, endpoint in enumerate(service.endpoints) if endpoint.title not in told]
        if titles and left:
            problem = f"declares {len(service.endpoints)} operations, of which {len(left)} count as `other` in metrics"
            remedy = f"declare those that matter first: proxies tell {MOST_OPERATIONS} apart"
            yield about(inventory, service, ("endpoints", left[0]), CODE, Severity.WARNING, problem, remedy)
