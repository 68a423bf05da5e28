"""A declared exception from STRICT: in order, and on every list, so that nobody forgets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.checks.finding import Finding, Severity, about, about_mesh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph

CODE = "OBS109"
TITLE = "An mTLS exception is in force"

REMEDY: Final = "go back to STRICT when the reason is gone"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each exception with a reason; one without is an error of its own."""
    inventory = graph.inventory
    for service in inventory.in_mesh:
        mtls = service.mtls
        if mtls.mode != "STRICT" and mtls.reason:
            where = f" on port {', '.join(map(str, sorted(mtls.ports)))}" if mtls.ports else ""
            problem = f"is {mtls.mode}{where}: {mtls.reason.rstrip('.')}"
            yield about(inventory, service, ("mtls", "mode"), CODE, Severity.INFO, problem, REMEDY)
    for below, default in inventory.mesh.mtls_defaults.items():
        if default.mode != "STRICT" and default.reason:
            problem = f"is {default.mode} by default: {default.reason.rstrip('.')}"
            yield about_mesh(inventory, (*below, "mode"), CODE, Severity.INFO, problem, REMEDY)
