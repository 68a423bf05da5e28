"""The hosts outside the cluster that services of a namespace call: a ServiceEntry for each, and a DestinationRule.

Both are for their own namespace alone: what one team declares about a host says nothing to another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe import policy
from observe.istio.metadata import Manifest, manifest
from observe.istio.traffic.destination_rule import KIND as DESTINATION_RULE
from observe.istio.traffic.destination_rule import connection_pool, origination, outlier_detection
from observe.istio.traffic.service_entry import API_VERSION, entry, resolution
from observe.istio.traffic.service_entry import KIND as SERVICE_ENTRY
from observe.naming import namespace_of
from observe.provenance import Origin, Sourced, declared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from observe.model import ExternalHost, Inventory
    from observe.policy import BreakerPolicy

TLS_PORT: Final = 443
PROTOCOLS: Final = {"https": "HTTPS", "http": "HTTP", "tls": "TLS", "tcp": "TCP"}
ONLY_HERE: Final = Sourced(["."], Origin("what a namespace declares of a host holds for that namespace"))


@dataclass(frozen=True, slots=True)
class Host:
    """A host as the services of one namespace declare it together; of contradictions the first counts (OBS115)."""

    name: str
    declarations: tuple[Sourced[ExternalHost], ...]

    @property
    def ports(self) -> tuple[Sourced[ExternalHost], ...]:
        """A declaration for each port, by number."""
        found: dict[int, Sourced[ExternalHost]] = {}
        for one in self.declarations:
            found.setdefault(one.value.port, one)
        return tuple(found[number] for number in sorted(found))

    @property
    def addresses(self) -> tuple[Sourced[str], ...]:
        """The addresses that anybody declares, sorted."""
        found = {
            address: Sourced(address, Origin("declared", (*(one.origin.path or ()), "addresses", index)))
            for one in reversed(self.declarations)
            for index, address in enumerate(one.value.addresses)
        }
        return tuple(found[address] for address in sorted(found))

    @property
    def is_tcp(self) -> bool:
        """Whether connections on a port of it say no name."""
        return any(port.value.protocol == "tcp" for port in self.ports)


def external_hosts(inventory: Inventory, namespace: str) -> tuple[Host, ...]:
    """The hosts that services of a namespace call outside the cluster, by name.

    A host in the cluster's own domain is a Service that is in no inventory: the mesh knows it already, and a
    ServiceEntry would take its place.
    """
    found: dict[str, list[Sourced[ExternalHost]]] = {}
    for service in inventory.by_namespace.get(namespace, ()):
        for index, host in enumerate(service.external_hosts):
            if namespace_of(inventory.mesh, host.host) is None:
                origin = declared(inventory, service, "external_hosts", index)
                found.setdefault(host.host, []).append(Sourced(host, origin))
    return tuple(Host(name, tuple(found[name])) for name in sorted(found))


def external_manifests(inventory: Inventory, namespace: str) -> Iterator[Manifest]:
    """Everything about the outside hosts of a namespace."""
    for host in external_hosts(inventory, namespace):
        yield _entry(inventory, namespace, host)
        yield _rule(inventory, namespace, host)


def _entry(inventory: Inventory, namespace: str, host: Host) -> Manifest:
    name = Sourced(host.name, host.declarations[0].origin)
    ports = [_port(port) for port in host.ports]
    spec = {**entry(name, ports, host.addresses, tcp=host.is_tcp), "exportTo": ONLY_HERE}
    return manifest(inventory.mesh, API_VERSION, SERVICE_ENTRY, namespace, host.name, spec)


def _port(declaration: Sourced[ExternalHost]) -> Manifest:
    host, origin = declaration.value, declaration.origin
    made: Manifest = {
        "number": host.port,
        "name": f"{host.protocol}-{host.port}",
        "protocol": PROTOCOLS[host.protocol],
    }
    if host.originate_tls:
        made["targetPort"] = TLS_PORT
    return {key: Sourced(value, origin) for key, value in made.items()}


def _rule(inventory: Inventory, namespace: str, host: Host) -> Manifest:
    """Limits on what may be in flight to the host, and TLS on the ports where the proxy speaks it.

    Settings of a port replace the host's as a whole (istio `util.go`, `GetPortLevelTrafficPolicy`), so they are said
    again there.
    """
    found = resolution(addresses=bool(host.addresses), tcp=host.is_tcp)
    chosen = policy.external_breaker(host.declarations[0].origin.path, _known(host.addresses))
    traffic = _traffic(chosen, host, resolved=found != "NONE")
    levels = [
        {
            "port": {"number": Sourced(port.value.port, port.origin)},
            "tls": origination(host.name, _originating(port.origin)),
            **traffic,
        }
        for port in host.ports
        if port.value.originate_tls
    ]
    whole = {**traffic, "portLevelSettings": levels} if levels else traffic
    spec = {"host": Sourced(host.name, host.declarations[0].origin), "trafficPolicy": whole, "exportTo": ONLY_HERE}
    return manifest(inventory.mesh, API_VERSION, DESTINATION_RULE, namespace, host.name, spec)


def _known(addresses: Sequence[Sourced[str]]) -> int | None:
    """How many instances there are; None where DNS decides."""
    return len(addresses) or None


def _traffic(chosen: BreakerPolicy, host: Host, *, resolved: bool) -> Manifest:
    """Nothing is ejected where nothing is resolved: there is one instance, the one that was dialled."""
    made: Manifest = {"connectionPool": connection_pool(chosen.pool, requests=_sees_requests(host.ports))}
    if chosen.outlier and resolved:
        made["outlierDetection"] = outlier_detection(chosen.outlier)
    return made


def _sees_requests(ports: Iterable[Sourced[ExternalHost]]) -> bool:
    return any(port.value.protocol == "http" for port in ports)


def _originating(origin: Origin) -> Origin:
    return Origin("the proxy speaks TLS for it", (*(origin.path or ()), "originate_tls"))
