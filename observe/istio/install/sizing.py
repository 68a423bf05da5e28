"""What Istio itself needs, worked out from the fleet that the inventory declares. Plain arithmetic, so that anybody
can check it.

What is published (istio.io, Performance and Scalability): an istiod with 1 vCPU and 1.5 GB serves 1,000 services and
2,000 sidecars whose scope is limited; a proxy takes 0.20 vCPU (1.24) to 0.5 vCPU (before) for 1,000 requests per
second, and its memory follows from its configuration, not from requests.

What was measured for it (Envoy 1.39 with two workers and its agent, under istiod of 1.31, resident memory; routes,
limits and statistics as this pack makes them; 0 to 1,500 services of 1 to 10 endpoints): 111 MB for nothing at all,
105 kB for every cluster, 7.5 kB for every endpoint in it. It grows in a straight line.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from observe.model import Inventory, Service

MIB: Final = 1_048_576
PROXY_BYTES: Final = 111_000_000
CLUSTER_BYTES: Final = 105_000
ENDPOINT_BYTES: Final = 7_500
CPU_PER_RPS: Final = 0.35
"""Thousandths of a CPU for a request per second. Between the figures published: the newest one leaves out access logs,
and a request that arrives makes others that leave."""
LEAST_PROXY_CPU: Final = 100
"""Istio's own default for sidecars."""
SERVICES_PER_ISTIOD: Final = 1_000
PROXIES_PER_ISTIOD: Final = 2_000
ISTIOD_BASE_MEMORY: Final = 512
"""MiB for what is in every cluster: Pods, Endpoints and Secrets that no inventory lists."""
ISTIOD_MEMORY: Final = 1_536
"""MiB for each 1,000 services or 2,000 proxies; twice that where proxies know the whole mesh."""
LEAST_ISTIOD_CPU: Final = 500
"""Istio's own default, in thousandths."""
MOST_ISTIOD_CPU: Final = 4_000
"""More work than this is for more istiods: proxies are shared among them."""
GATEWAY_CPU: Final = 500
"""What a gateway pod asks for, in thousandths; the autoscaler adds pods at 80 % of it."""
GATEWAY_CONNECTIONS: Final = 128
"""MiB of a gateway pod for connections from outside; how many there are, no inventory says."""
BUSY: Final = 0.8
"""The share of what is asked for at which the autoscalers of Istio's charts add pods."""
ZTUNNEL_MEMORY: Final = 512
"""MiB, of Istio's chart, which says: enough for about 200,000 pods."""
ZTUNNEL_PODS: Final = 200_000


@dataclass(frozen=True, slots=True)
class View:
    """What a proxy is told of the mesh."""

    clusters: int = 0
    """One for each port of a service, and one more there for each of its versions."""
    endpoints: int = 0
    """Pods in these clusters; a pod counts in each."""


def total(views: Iterable[View]) -> View:
    """What several services are together."""
    views = tuple(views)
    return View(sum(view.clusters for view in views), sum(view.endpoints for view in views))


def as_seen(service: Service) -> View:
    """What a service is to a proxy that knows it."""
    ports = len(service.ports)
    of_versions = sum(version.replicas or service.replicas for version in service.versions)
    return View(ports * (1 + len(service.versions)), ports * (service.replicas + of_versions))


def proxy_memory(view: View) -> float:
    """MiB that a proxy and its agent take."""
    return (PROXY_BYTES + CLUSTER_BYTES * view.clusters + ENDPOINT_BYTES * view.endpoints) / MIB


def proxy_cpu(requests_per_second: float) -> float:
    """Thousandths of a CPU that a proxy takes."""
    return max(LEAST_PROXY_CPU, CPU_PER_RPS * requests_per_second)


@dataclass(frozen=True)
class Fleet:
    """The inventory as a load on Istio. What concerns all of it is counted once."""

    inventory: Inventory

    @property
    def services(self) -> int:
        return len(self.inventory.services)

    @cached_property
    def pods(self) -> int:
        """Pods in the mesh. Several services that stand for the same pods count once."""
        return sum(max(service.replicas for service in same) for same in self.inventory.by_pods.values())

    @cached_property
    def whole(self) -> View:
        """Everything there is."""
        return total(as_seen(service) for service in self.inventory.services)

    def view(self, service: Service) -> View:
        """What a service's sidecars are told of: what it calls, or everything where scopes are off."""
        if self.inventory.mesh.egress_scope == "off":
            return self.whole
        called = {call.service for call in service.calls}
        known = total(as_seen(self.inventory.by_id[name]) for name in called)
        outside = len(service.external_hosts)
        return View(known.clusters + outside, known.endpoints + outside)

    @cached_property
    def usual_memory(self) -> float:
        """MiB that half of the services' sidecars do with."""
        needs = [proxy_memory(self.view(service)) for service in self.inventory.in_mesh]
        return statistics.median_high(needs) if needs else proxy_memory(View())

    @cached_property
    def peak_from_outside(self) -> int:
        """Requests per second at the busiest time of the services that gateways pass requests on to."""
        exposed = (
            service.peak_rps or 0
            for service in self.inventory.services
            if service.exposures or any(caller.via == "ingress" for caller in service.external_callers)
        )
        return sum(exposed)

    @cached_property
    def busiest_namespace(self) -> int:
        """Requests per second at the busiest time of all services of a namespace together; the highest of any."""
        peaks: dict[str, int] = {}
        for service in self.inventory.in_mesh:
            peaks[service.namespace] = peaks.get(service.namespace, 0) + (service.peak_rps or 0)
        return max(peaks.values(), default=0)

    @property
    def load(self) -> float:
        """How many istiods' work it is, by what is published of one."""
        return max(self.services / SERVICES_PER_ISTIOD, self.pods / PROXIES_PER_ISTIOD)


def istiod_replicas(fleet: Fleet) -> int:
    """Istiods that connect all proxies even when one of them is lost; at least two."""
    return 1 + max(1, math.ceil(fleet.pods / PROXIES_PER_ISTIOD))


def istiod_memory(fleet: Fleet) -> float:
    """MiB of each: every istiod knows the whole mesh."""
    unlimited = fleet.inventory.mesh.data_plane == "sidecar" and fleet.inventory.mesh.egress_scope == "off"
    return ISTIOD_BASE_MEMORY + ISTIOD_MEMORY * fleet.load * (2 if unlimited else 1)


def istiod_cpu(fleet: Fleet) -> float:
    """Thousandths of a CPU of each."""
    return min(MOST_ISTIOD_CPU, max(LEAST_ISTIOD_CPU, 1000 * fleet.load))


def gateway_replicas(fleet: Fleet) -> int:
    """Gateway pods that take the peak from outside without waiting for the autoscaler; at least two."""
    return max(2, math.ceil(CPU_PER_RPS * fleet.peak_from_outside / (BUSY * GATEWAY_CPU)))


def gateway_memory(fleet: Fleet) -> float:
    """MiB of each: unlike sidecars, gateways are told of every service (istio `PILOT_FILTER_GATEWAY_CLUSTER_CONFIG`
    is off by default).
    """
    return GATEWAY_CONNECTIONS + proxy_memory(fleet.whole)


def waypoint_memory(fleet: Fleet) -> float:
    """MiB of a waypoint's pod, which may be told of every service."""
    return proxy_memory(fleet.whole)


def waypoint_cpu(fleet: Fleet) -> float:
    """Thousandths of a CPU of a waypoint's pod, where two of them share the busiest namespace's peak."""
    return proxy_cpu(fleet.busiest_namespace / 2)


def ztunnel_memory(fleet: Fleet) -> float:
    """MiB of a node's ztunnel, which knows every pod of the mesh."""
    return ZTUNNEL_MEMORY * max(1.0, fleet.pods / ZTUNNEL_PODS)
