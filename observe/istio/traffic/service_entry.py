"""ServiceEntry: hosts outside the cluster that proxies should know.

It is what makes them measured and limited, and reachable at all under `REGISTRY_ONLY`. It is no boundary: whoever
goes past the proxy reaches them without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from observe.istio.metadata import Manifest, manifest
from observe.istio.traffic.virtual_service import sourced_host
from observe.provenance import Origin, Sourced, declared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from observe.model import Inventory, Service

KIND: Final = "ServiceEntry"
API_VERSION: Final = "networking.istio.io/v1"

Resolution = Literal["STATIC", "DNS", "NONE"]


def service_entry(inventory: Inventory, service: Service) -> Manifest | None:
    """A service that runs outside the cluster, in its own namespace and for callers everywhere; None for others."""
    outside = service.outside
    if outside is None:
        return None
    ports = [_port(inventory, service, index) for index in range(len(service.ports))]
    addresses = [
        Sourced(address, declared(inventory, service, "outside", "addresses", index))
        for index, address in enumerate(outside.addresses)
    ]
    tcp = any(port.protocol == "tcp" for port in service.ports)
    spec = entry(sourced_host(inventory, service), ports, addresses, tcp=tcp)
    return manifest(inventory.mesh, API_VERSION, KIND, service.namespace, service.name, spec)


def entry(host: Sourced[str], ports: list[Manifest], addresses: Sequence[Sourced[str]], *, tcp: bool) -> Manifest:
    """The spec of a ServiceEntry; `tcp`: whether a port's connections say no name, neither in a header nor as SNI."""
    spec: Manifest = {"hosts": [host]}
    if tcp and addresses:
        spec["addresses"] = list(addresses)
    spec["ports"] = ports
    spec["location"] = Sourced("MESH_EXTERNAL", Origin("outside the cluster", host.origin.path))
    spec["resolution"] = _resolution(host.origin, addresses, tcp=tcp)
    if addresses:
        spec["endpoints"] = [{"address": address} for address in addresses]
    return spec


def resolution(*, addresses: bool, tcp: bool) -> Resolution:
    """How a proxy finds the host.

    A tcp host without addresses is whatever is dialled on its port (istio listens on 0.0.0.0 there, `listener.go`):
    resolved by its name, it would get the connections of every other host on that port as well. So it is not
    resolved, and each connection goes where it was going.
    """
    if addresses:
        return "STATIC"
    return "NONE" if tcp else "DNS"


def _resolution(origin: Origin, addresses: Sequence[Sourced[str]], *, tcp: bool) -> Sourced[Any]:
    chosen = resolution(addresses=bool(addresses), tcp=tcp)
    why = {
        "STATIC": "its addresses are declared",
        "DNS": "its name is looked up",
        "NONE": "its connections cannot be told from others on its port, so they go where they were going",
    }
    return Sourced(chosen, Origin(why[chosen], addresses[0].origin.path if addresses else origin.path))


def _port(inventory: Inventory, service: Service, index: int) -> Manifest:
    port, origin = service.ports[index], declared(inventory, service, "ports", index)
    made: Manifest = {"number": port.number, "name": port.name, "protocol": port.protocol.upper()}
    if port.target_port:
        made["targetPort"] = port.target_port
    return {key: Sourced(value, origin) for key, value in made.items()}
