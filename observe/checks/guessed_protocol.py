"""A port's name says no protocol, so that Istio looks at the first bytes of each connection and guesses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about
from observe.istio.traffic.protocol import seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.model import Port

CODE = "OBS113"
TITLE = "Istio has to guess a port's protocol"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each port of the cluster's services that says nothing."""
    for service in graph.inventory.services:
        for index, port in enumerate(() if service.outside else service.ports):
            if seen(port) is None:
                said = port.app_protocol or port.name
                problem = f"has the port {port.number} ({said}), which names no protocol: {_consequence(port)}"
                name = f"{port.protocol}-{port.name}"
                remedy = f"call it {name} in the Service and here, or set its appProtocol to {port.protocol} in both"
                below = ("ports", index, "app_protocol" if port.app_protocol else "name")
                yield about(graph.inventory, service, below, CODE, Severity.WARNING, problem, remedy)


def _consequence(port: Port) -> str:
    """Istio waits for the first bytes without limit (`pkg/config/mesh/mesh.go`, `protocolDetectionTimeout`)."""
    if port.protocol == "tcp":
        return "Istio waits for the client's first bytes to guess it, for ever where the server speaks first"
    return "Istio guesses it anew for each connection, and what it takes for plain tcp has no routes and no metrics"
