"""Sidecar: what a workload's proxies know of the mesh, and what they take in.

Without one a proxy holds a cluster for every port of every service, and every change anywhere is sent to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe import policy
from observe.istio.metadata import Manifest, manifest
from observe.naming import host_of, namespace_of
from observe.provenance import Sourced, declared, of_mesh

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from observe.graph import Graph
    from observe.model import Inventory, Service
    from observe.policy import ArrivalPolicy

KIND: Final = "Sidecar"
API_VERSION: Final = "networking.istio.io/v1"


def sidecar(inventory: Inventory, graph: Graph, service: Service) -> Manifest | None:
    """The scope of a service's proxies: the declared callees and outside hosts, asynchronous ones too, and what
    proxies themselves need.

    It names no `outboundTrafficPolicy`, so the mesh's own decides about the rest. None without sidecars, where the
    scope is off, and for a workload that an earlier service has, since one Sidecar may select it (IST0110).
    """
    mesh = inventory.mesh
    if mesh.data_plane != "sidecar" or mesh.egress_scope != "declared" or not service.in_mesh:
        return None
    services = inventory.with_pods_of(service)
    if services[0].id != service.id:
        return None
    spec: Manifest = {
        "workloadSelector": {"labels": Sourced(dict(service.selector), declared(inventory, service, "labels"))},
        "inboundConnectionPool": _arrivals(graph, services),
        "egress": [{"hosts": egress_hosts(inventory, services)}],
    }
    return manifest(mesh, API_VERSION, KIND, service.namespace, service.name, spec)


def egress_hosts(inventory: Inventory, services: Iterable[Service]) -> list[Sourced[str]]:
    """`namespace/host` of everything that the proxies of these services may need, sorted; none twice, which istio's
    validation warns about.
    """
    mesh = inventory.mesh
    everything = f"{mesh.root_namespace}/*"
    why = "what istio itself is made of, and what its installation adds"
    found = {everything: Sourced(everything, of_mesh("root_namespace", why=why))}
    wanted = [*_for_proxies(inventory), *(host for service in services for host in _declared(inventory, service))]
    for host in wanted:
        if not host.value.startswith(f"{mesh.root_namespace}/"):
            found.setdefault(host.value, host)
    return [found[host] for host in sorted(found)]


def _for_proxies(inventory: Inventory) -> Iterator[Sourced[str]]:
    """What proxies call by themselves: a cluster that a Sidecar hides is missing to tracing too (istio `tracing.go`
    looks the collector up among all services, but only those of the scope have clusters).
    """
    tracing = inventory.mesh.installation.tracing
    if tracing:
        namespace = namespace_of(inventory.mesh, tracing.service) or "*"
        origin = of_mesh("installation", "tracing", "service", why="where proxies send their spans")
        yield Sourced(f"{namespace}/{tracing.service}", origin)


def _declared(inventory: Inventory, service: Service) -> Iterator[Sourced[str]]:
    for index, call in enumerate(service.calls):
        callee = inventory.by_id[call.service]
        host = f"{callee.namespace}/{host_of(inventory.mesh, callee)}"
        yield Sourced(host, declared(inventory, service, "calls", index, why="what it calls"))
    for index, external in enumerate(service.external_hosts):
        namespace = namespace_of(inventory.mesh, external.host) or "."
        origin = declared(inventory, service, "external_hosts", index, why="what it calls outside")
        yield Sourced(f"{namespace}/{external.host}", origin)


def _arrivals(graph: Graph, services: tuple[Service, ...]) -> Manifest:
    """What a pod takes in, instead of the DestinationRule's limits, which are those of one caller. Where several
    services stand for the pods, the widest limit of any.
    """
    found = [policy.arrivals(graph, service) for service in services]
    made: Manifest = {"tcp": {"maxConnections": _widest(found, "max_connections")}}
    if any(service.request_ports for service in services):
        made["http"] = {
            "http1MaxPendingRequests": _widest(found, "max_pending_requests"),
            "http2MaxRequests": _widest(found, "max_requests"),
        }
    return made


def _widest(found: Iterable[ArrivalPolicy], name: str) -> Sourced[int]:
    limits: Iterable[Sourced[int]] = (getattr(arrivals, name) for arrivals in found)
    return max(limits, key=lambda limit: limit.value)
