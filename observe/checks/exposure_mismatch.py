"""An exposure that no gateway can pass on: it names what is not there, or what is taken."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from observe.graph import Graph
    from observe.model import Exposure, Mesh, Service

CODE = "OBS132"
TITLE = "An exposure does not fit its gateway or its service"


def find(graph: Graph) -> Iterator[Finding]:
    """Findings about the gateway and the host that an exposure names, its port, and paths that are taken already."""
    inventory, taken = graph.inventory, dict[tuple[str, str, str], str]()
    for service in inventory.services:
        for index, exposure in enumerate(service.exposures):
            said = [_gateway(inventory.mesh, exposure), _port(service, exposure)]
            first = taken.setdefault(_place(inventory.mesh, exposure), f"{service.id}'s exposures[{index}]")
            said.append(_taken(exposure, first, f"{service.id}'s exposures[{index}]"))
            for key, problem, remedy in filter(None, said):
                below = ("exposures", index, key)
                yield about(inventory, service, below, CODE, Severity.ERROR, problem, remedy)


def _gateway(mesh: Mesh, exposure: Exposure) -> tuple[str, str, str] | None:
    """Key, problem and remedy."""
    gateway = mesh.gateways.get(exposure.gateway)
    if gateway is None:
        problem = f'is exposed at the gateway "{exposure.gateway}", which is not in mesh.gateways'
        return "gateway", problem, _meant(exposure.gateway, mesh.gateways, "declare it there")
    if exposure.host not in gateway.hosts:
        problem = f"is exposed at {exposure.host}, a host that the gateway {exposure.gateway} does not answer for"
        return (
            "host",
            problem,
            _meant(exposure.host, gateway.hosts, f"add it to mesh.gateways.{exposure.gateway}.hosts"),
        )
    return None


def _meant(word: str, known: Iterable[str], otherwise: str) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {close[0]}?" if close else otherwise


def _port(service: Service, exposure: Exposure) -> tuple[str, str, str] | None:
    numbers = [port.number for port in service.request_ports]
    ports = ", ".join(map(str, numbers))
    if not numbers:
        return "port", "is exposed, but none of its ports takes requests", "expose http or grpc ports only"
    if exposure.port is None and len(numbers) > 1:
        return "port", "is exposed with several ports for requests, without saying which", f"add port: one of {ports}"
    if exposure.port is not None and exposure.port not in numbers:
        return "port", f"is exposed with port {exposure.port}, which takes no requests of its", f"write one of {ports}"
    return None


def _place(mesh: Mesh, exposure: Exposure) -> tuple[str, str, str]:
    """Gateway, host and path; the Gateway API ignores a slash at the end."""
    path = exposure.path if mesh.routing == "istio" else exposure.path.rstrip("/")
    return exposure.gateway, exposure.host, path


def _taken(exposure: Exposure, first: str, here: str) -> tuple[str, str, str] | None:
    if first == here:
        return None
    problem = f"is exposed at {exposure.host}{exposure.path}, as is {first}: only one of them gets the requests"
    return "path", problem, "give each a path of its own"
