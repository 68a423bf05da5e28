"""A host outside the cluster is called by tcp, and nothing tells its connections from others on its port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe import policy
from observe.checks.finding import Finding, Severity, about
from observe.istio.traffic.external import external_hosts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.model import Inventory

CODE = "OBS111"
TITLE = "A tcp host outside the cluster has no addresses"


def find(graph: Graph) -> Iterator[Finding]:
    """Findings about external hosts and services outside. None in ambient: its proxies answer DNS themselves, and
    give every such host an address of its own.
    """
    inventory = graph.inventory
    if inventory.mesh.data_plane != "sidecar":
        return
    for namespace in inventory.by_namespace:
        yield from _hosts(inventory, namespace)
    for service in inventory.services:
        if policy.is_whatever_is_dialled(service) and service.outside:
            numbers = [port.number for port in service.ports if port.protocol == "tcp"]
            problem = f"runs outside the cluster as {service.outside.host} without addresses, and {_said(numbers)}"
            remedy = "give outside.addresses"
            yield about(inventory, service, ("outside", "host"), CODE, Severity.WARNING, problem, remedy)


def _hosts(inventory: Inventory, namespace: str) -> Iterator[Finding]:
    unknown = {host.name for host in external_hosts(inventory, namespace) if not host.addresses}
    for service in inventory.by_namespace[namespace]:
        for index, host in enumerate(service.external_hosts):
            if host.protocol == "tcp" and host.host in unknown:
                problem = f"calls {host.host} without its addresses, and {_said([host.port])}"
                below = ("external_hosts", index, "host")
                remedy = "give its addresses"
                yield about(inventory, service, below, CODE, Severity.WARNING, problem, remedy)


def _said(numbers: list[int]) -> str:
    ports = f"port{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
    return (
        f"a tcp connection says no host's name: every connection to {ports} counts as one to it, "
        "is let out where only known hosts are, and none of its instances is ever ejected"
    )
