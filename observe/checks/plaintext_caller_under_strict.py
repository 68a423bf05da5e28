"""Somebody calls without a client certificate, and STRICT refuses them: their requests would silently stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from observe.graph import Edge, Graph
    from observe.model import Inventory, Service

CODE = "OBS107"
TITLE = "STRICT mTLS cuts off a caller without a certificate"


def find(graph: Graph) -> Iterator[Finding]:
    """Findings for callers from outside who come directly, and for services of the inventory outside the mesh."""
    for service in graph.inventory.in_mesh:
        yield from _from_outside(graph.inventory, service)
        for edge in graph.callers(service):
            if not edge.caller.in_mesh:
                yield from _without_proxy(graph.inventory, edge)


def _from_outside(inventory: Inventory, service: Service) -> Iterator[Finding]:
    """They do not say which port they dial, so one that takes plaintext is enough."""
    if _plaintext_ports(service, (port.container_port for port in service.ports)):
        return
    for index, caller in enumerate(service.external_callers):
        if caller.via == "direct":
            problem = _problem(f"{caller.name} calls it directly from outside")
            remedy = f"route it through the ingress gateway, or {_exception(service)}"
            yield about(inventory, service, ("external_callers", index), CODE, Severity.ERROR, problem, remedy)


def _without_proxy(inventory: Inventory, edge: Edge) -> Iterator[Finding]:
    service, dialled = edge.callee, _dialled(edge)
    if dialled and not _plaintext_ports(service, dialled):
        problem = _problem(f"{edge.caller.id} calls it from outside the mesh")
        remedy = f"bring the caller into the mesh, or {_exception(service)}"
        yield about(inventory, service, ("mtls", "mode"), CODE, Severity.ERROR, problem, remedy)


def _plaintext_ports(service: Service, ports: Iterable[int]) -> set[int]:
    """Those of the container ports that accept plaintext."""
    mtls = service.mtls
    return set() if mtls.mode == "STRICT" else {port for port in ports if not mtls.ports or port in mtls.ports}


def _dialled(edge: Edge) -> tuple[int, ...]:
    """The container ports a call may arrive at: none when it names a port that is not there, as OBS102 says."""
    number = edge.call.port
    return tuple(port.container_port for port in edge.callee.ports if number is None or port.number == number)


def _problem(caller: str) -> str:
    return f"is under STRICT mTLS, but {caller}, without a client certificate: STRICT refuses that"


def _exception(service: Service) -> str:
    """How to let plaintext in: a new exception, or the wider one where its ports are too few."""
    if service.mtls.mode == "STRICT":
        return f"set {service.id}'s mtls.mode to PERMISSIVE with a reason"
    return f"add the container port to {service.id}'s mtls.ports"
