"""Somebody calls without a client certificate, and STRICT refuses them: their requests would silently stop."""

from __future__ import annotations

from collections.abc import Iterator

from observe.checks.finding import Finding, Severity, about
from observe.graph import Graph
from observe.model import Inventory, Path, Service

CODE = "OBS107"
TITLE = "STRICT mTLS cuts off a caller without a certificate"


def find(inventory: Inventory, graph: Graph) -> Iterator[Finding]:
    for service in inventory.in_mesh:
        if _takes_plaintext(service):
            continue
        for caller, where, owner, below in _plaintext_callers(service, graph):
            problem = f"is under STRICT mTLS, but {caller} calls it {where}, without a client certificate: STRICT refuses that"
            remedy = f"{_way_out(where)}, or set {service.id}'s mtls.mode to PERMISSIVE with a reason"
            yield about(inventory, owner, below, CODE, Severity.ERROR, problem, remedy)


def _takes_plaintext(service: Service) -> bool:
    return service.mtls.mode != "STRICT"


def _plaintext_callers(service: Service, graph: Graph) -> Iterator[tuple[str, str, Service, Path]]:
    """Who calls how, which service says so, and where."""
    for index, caller in enumerate(service.external_callers):
        if caller.via == "direct":
            yield caller.name, "directly from outside", service, ("external_callers", index)
    for edge in graph.callers(service):
        if not edge.caller.in_mesh:
            yield edge.caller.id, "from outside the mesh", service, ()


def _way_out(where: str) -> str:
    return "route it through the ingress gateway" if where.startswith("directly") else "bring the caller into the mesh"
