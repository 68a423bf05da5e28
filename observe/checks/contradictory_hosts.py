"""One host outside the cluster, declared in two ways of which only one can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about
from observe.naming import namespace_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.model import ExternalHost, Inventory, Service

CODE = "OBS115"
TITLE = "A host outside the cluster is declared in two ways"


def find(graph: Graph) -> Iterator[Finding]:
    """Findings about ports of external hosts, and about hosts of services outside. The first declaration counts."""
    inventory = graph.inventory
    outside = _outside(inventory)
    for namespace in inventory.by_namespace:
        yield from _ports(inventory, namespace)
    for service in inventory.services:
        yield from _taken(inventory, service, outside)


def _outside(inventory: Inventory) -> dict[str, Service]:
    """The first service that runs outside the cluster at each host."""
    return {service.outside.host: service for service in reversed(inventory.services) if service.outside}


def _ports(inventory: Inventory, namespace: str) -> Iterator[Finding]:
    """A port of a host can have one protocol for a namespace, where it is one ServiceEntry."""
    first: dict[tuple[str, int], tuple[Service, ExternalHost]] = {}
    for service in inventory.by_namespace[namespace]:
        for index, host in enumerate(service.external_hosts):
            other, said = first.setdefault((host.host, host.port), (service, host))
            if _way(said) != _way(host):
                problem = (
                    f"calls {host.host}:{host.port} by {_way(host)}, but {other.id} by {_way(said)}: "
                    "in a namespace there is one declaration for both"
                )
                remedy = "declare the same protocol in both, or let one of them use another port"
                below = ("external_hosts", index)
                yield about(inventory, service, below, CODE, Severity.ERROR, problem, remedy)


def _way(host: ExternalHost) -> str:
    return f"{host.protocol} with originate_tls" if host.originate_tls else host.protocol


def _taken(inventory: Inventory, service: Service, outside: dict[str, Service]) -> Iterator[Finding]:
    host = service.outside.host if service.outside else None
    if host and outside[host].id != service.id:
        problem = f"runs at {host}, as {outside[host].id} does: a host has one set of routes"
        remedy = "make one service with the ports of both, or give each its own name in DNS"
        yield about(inventory, service, ("outside", "host"), CODE, Severity.ERROR, problem, remedy)
    elif host and namespace_of(inventory.mesh, host):
        problem = f"runs outside the cluster at {host}, which is a host of the cluster: it would take its place"
        remedy = "leave outside away, or give the host that it has elsewhere"
        yield about(inventory, service, ("outside", "host"), CODE, Severity.ERROR, problem, remedy)
    for index, external in enumerate(service.external_hosts):
        if external.host in outside:
            other = outside[external.host]
            problem = f"calls {external.host} as an external host, which is {other.id} in this inventory"
            remedy = f"call the service {other.id} instead"
            below = ("external_hosts", index, "host")
            yield about(inventory, service, below, CODE, Severity.ERROR, problem, remedy)
