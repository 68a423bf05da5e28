"""Istio sees another protocol on a port than what is spoken there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.checks.finding import Finding, Severity, about
from observe.istio.traffic.protocol import SUITS, seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.istio.traffic.protocol import Seen
    from observe.model import Port

CODE = "OBS112"
TITLE = "Istio takes a port for another protocol"

_HTTP: Final = ("http", "http2", "grpc")


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each port whose name, or appProtocol, says something else than its protocol here. Services
    outside the cluster have no Service: what Istio sees there is what is declared.
    """
    for service in graph.inventory.services:
        for index, port in enumerate(() if service.outside else service.ports):
            found = seen(port)
            if found is not None and found not in SUITS[port.protocol]:
                what = f"appProtocol {port.app_protocol}" if port.app_protocol else "name"
                problem = (
                    f"declares port {port.number} ({port.name}) as {port.protocol}, but by its {what} Istio takes it "
                    f"for {found}: {_consequence(port, found)}"
                )
                below = ("ports", index, "app_protocol" if port.app_protocol else "name")
                yield about(graph.inventory, service, below, CODE, Severity.ERROR, problem, way_out(port))


def _consequence(port: Port, found: Seen) -> str:
    if found == "udp":
        return "it has no part in the mesh then"
    if port.protocol == "tcp":
        return "what is no HTTP is refused there"
    if found in _HTTP:
        return f"proxies do not speak {port.protocol} to it"
    return "no route, retry or metric of requests applies, and a rule about methods or paths admits nobody"


def way_out(port: Port) -> str:
    """How to make Istio see what is declared."""
    rest = port.name.partition("-")[2]
    name = f"{port.protocol}-{rest}" if rest else port.protocol
    return f"name the port {name} in the Service and here, or set its appProtocol to {port.protocol} in both"
