"""Plaintext is accepted, and nobody wrote down why: the next reviewer cannot tell a decision from an oversight."""

from __future__ import annotations

from collections.abc import Iterator

from observe.checks.finding import Finding, Severity, about
from observe.graph import Graph
from observe.model import Inventory

CODE = "OBS105"
TITLE = "An mTLS exception has no written reason"


def find(inventory: Inventory, graph: Graph) -> Iterator[Finding]:
    for service in inventory.in_mesh:
        if service.mtls.mode != "STRICT" and not service.mtls.reason:
            problem = f"accepts plaintext (mTLS mode {service.mtls.mode}) without a written reason"
            remedy = "add mtls.reason, or set mtls.mode to STRICT"
            yield about(inventory, service, ("mtls", "mode"), CODE, Severity.ERROR, problem, remedy)
