"""Plaintext is accepted, and nobody wrote down why: the next reviewer cannot tell a decision from an oversight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph

CODE = "OBS105"
TITLE = "An mTLS exception has no written reason"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each service that is neither STRICT nor says why."""
    for service in graph.inventory.in_mesh:
        if service.mtls.mode != "STRICT" and not service.mtls.reason:
            problem = f"accepts plaintext (mTLS mode {service.mtls.mode}) without a written reason"
            remedy = "add mtls.reason, or set mtls.mode to STRICT"
            yield about(graph.inventory, service, ("mtls", "mode"), CODE, Severity.ERROR, problem, remedy)
