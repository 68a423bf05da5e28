"""Somebody calls without a client certificate, and STRICT refuses them: their requests would silently stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about
from observe.istio.security.encryption import dialled, is_anonymous, takes_plaintext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Edge, Graph
    from observe.model import Inventory, Service

CODE = "OBS107"
TITLE = "STRICT mTLS cuts off a caller without a certificate"


def find(graph: Graph) -> Iterator[Finding]:
    """Findings for callers from outside who come directly, and for services that call without a proxy or past it."""
    for service in graph.inventory.in_mesh:
        yield from _from_outside(graph.inventory, service)
        for edge in graph.callers(service):
            yield from _without_identity(graph.inventory, edge)


def _from_outside(inventory: Inventory, service: Service) -> Iterator[Finding]:
    """They do not say which port they dial, so one that takes plaintext is enough."""
    if any(takes_plaintext(inventory.mesh, service, port.container_port) for port in service.ports):
        return
    for index, caller in enumerate(service.external_callers):
        if caller.via == "direct":
            problem = _problem(f"{caller.name} calls it directly from outside")
            remedy = f"route it through the ingress gateway, or {_exception(service)}"
            yield about(inventory, service, ("external_callers", index), CODE, Severity.ERROR, problem, remedy)


def _without_identity(inventory: Inventory, edge: Edge) -> Iterator[Finding]:
    service, caller = edge.callee, edge.caller
    ports = tuple(port for port in dialled(edge) if is_anonymous(inventory.mesh, edge, port))
    if ports and not any(takes_plaintext(inventory.mesh, service, port.container_port) for port in ports):
        where, instead = "from outside the mesh", "bring the caller into the mesh"
        if caller.in_mesh:
            where, instead = "past its proxy", f"take the port from {caller.id}'s excluded_ports.outbound"
        problem, remedy = _problem(f"{caller.id} calls it {where}"), f"{instead}, or {_exception(service)}"
        yield about(inventory, service, ("mtls", "mode"), CODE, Severity.ERROR, problem, remedy)


def _problem(caller: str) -> str:
    return f"is under STRICT mTLS, but {caller}, without a client certificate: STRICT refuses that"


def _exception(service: Service) -> str:
    """How to let plaintext in: a new exception, or the wider one where its ports are too few."""
    if service.mtls.mode == "STRICT":
        return f"set {service.id}'s mtls.mode to PERMISSIVE with a reason"
    return f"add the container port to {service.id}'s mtls.ports"
