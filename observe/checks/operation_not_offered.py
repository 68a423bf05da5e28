"""Somebody declares to use an operation that the service does not offer: its AuthorizationPolicy refuses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about
from observe.istio.security import operations
from observe.istio.security.encryption import dialled
from observe.istio.security.grants import of_exposure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.model import Endpoint, Port, Service

CODE = "OBS128"
TITLE = "An operation is used that the service does not offer"


def find(graph: Graph) -> Iterator[Finding]:
    """Findings for calls, for callers from outside, and for what gateways expose."""
    inventory = graph.inventory
    for edge in graph.edges:
        for index in _refused(edge.callee, dialled(edge), edge.call.endpoints):
            what = edge.call.endpoints[index].title
            problem = f"uses {what} of {edge.callee.id}, which {_reason(edge.callee)}: it is refused"
            below = ("calls", edge.index, "endpoints", index)
            yield about(inventory, edge.caller, below, CODE, Severity.ERROR, problem, _remedy(edge.callee))
    for service in inventory.in_mesh:
        yield from _from_outside(graph, service)
        yield from _exposed(graph, service)


def _from_outside(graph: Graph, service: Service) -> Iterator[Finding]:
    for number, caller in enumerate(service.external_callers):
        for index in _refused(service, service.ports, caller.endpoints):
            what = caller.endpoints[index].title
            problem = f"says that {caller.name} uses {what} of it, but {_reason(service)}: it is refused"
            below = ("external_callers", number, "endpoints", index)
            yield about(graph.inventory, service, below, CODE, Severity.ERROR, problem, _remedy(service))


def _exposed(graph: Graph, service: Service) -> Iterator[Finding]:
    numbers = {None, *(port.number for port in service.ports)}
    for index, exposure in enumerate(service.exposures):
        known = exposure.gateway in graph.inventory.mesh.gateways and exposure.port in numbers
        if known and not any(of_exposure(graph.inventory, service, index)):
            problem = f"is exposed below {exposure.path}, where it offers no endpoint: every request is refused"
            remedy = "correct the path, or add what is below it to the endpoints"
            yield about(graph.inventory, service, ("exposures", index), CODE, Severity.ERROR, problem, remedy)


def _refused(service: Service, ports: tuple[Port, ...], used: tuple[Endpoint, ...]) -> Iterator[int]:
    """Which of the operations can be done on none of the ports. Without a port it is another finding's."""
    if not service.in_mesh or not ports:
        return
    for index, endpoint in enumerate(used):
        if not any(operations.allowed(port, service.endpoints, (endpoint,)) for port in ports):
            yield index


def _reason(service: Service) -> str:
    return "does not offer it" if service.endpoints else "has no port for it"


def _remedy(service: Service) -> str:
    if service.endpoints:
        return f"correct it, or add it to the endpoints of {service.id}"
    return "correct it, or the protocol of the port"
