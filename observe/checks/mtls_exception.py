"""A declared exception from STRICT: in order, and on every list, so that nobody forgets it."""

from __future__ import annotations

from collections.abc import Iterator

from observe.checks.finding import Finding, Severity, about
from observe.graph import Graph
from observe.model import Inventory

CODE = "OBS109"
TITLE = "An mTLS exception is in force"


def find(inventory: Inventory, graph: Graph) -> Iterator[Finding]:
    for service in inventory.in_mesh:
        mtls = service.mtls
        if mtls.mode != "STRICT" and mtls.reason:
            where = f" on port {', '.join(map(str, mtls.ports))}" if mtls.ports else ""
            problem = f"is {mtls.mode}{where}: {mtls.reason.rstrip('.')}"
            remedy = "go back to STRICT when the reason is gone"
            yield about(inventory, service, ("mtls", "mode"), CODE, Severity.INFO, problem, remedy)
