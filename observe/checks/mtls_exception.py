"""A declared exception from STRICT: in order, and on every list, so that nobody forgets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph

CODE = "OBS109"
TITLE = "An mTLS exception is in force"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each exception with a reason; one without is an error of its own."""
    for service in graph.inventory.in_mesh:
        mtls = service.mtls
        if mtls.mode != "STRICT" and mtls.reason:
            where = f" on port {', '.join(map(str, sorted(mtls.ports)))}" if mtls.ports else ""
            problem = f"is {mtls.mode}{where}: {mtls.reason.rstrip('.')}"
            remedy = "go back to STRICT when the reason is gone"
            yield about(graph.inventory, service, ("mtls", "mode"), CODE, Severity.INFO, problem, remedy)
