"""Plaintext is accepted, and nobody wrote down why: the next reviewer cannot tell a decision from an oversight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.checks.finding import Finding, Severity, about, about_mesh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph

CODE = "OBS105"
TITLE = "An mTLS exception has no written reason"

REMEDY: Final = "add mtls.reason, or set mtls.mode to STRICT"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each service, namespace and mesh that is neither STRICT nor says why."""
    inventory = graph.inventory
    for service in inventory.in_mesh:
        if service.mtls.mode != "STRICT" and not service.mtls.reason:
            problem = f"accepts plaintext (mTLS mode {service.mtls.mode}) without a written reason"
            yield about(inventory, service, ("mtls", "mode"), CODE, Severity.ERROR, problem, REMEDY)
    for below, default in inventory.mesh.mtls_defaults.items():
        if default.mode != "STRICT" and not default.reason:
            problem = f"accepts plaintext by default (mTLS mode {default.mode}) without a written reason"
            yield about_mesh(inventory, (*below, "mode"), CODE, Severity.ERROR, problem, REMEDY)
