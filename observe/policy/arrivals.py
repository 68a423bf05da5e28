"""How much passes where all callers of a service meet: at its pods, and at a waypoint before them.

Istio applies the `connectionPool` of a service's DestinationRule a second time, where its requests arrive
(`cluster_builder.go`, `buildInboundCluster`): there a limit that was meant for one caller holds for all of them
together. `Sidecar.inboundConnectionPool` replaces it by what is worked out here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from observe.policy.breaker import breaker, instances, instances_of
from observe.provenance import Origin, Sourced

if TYPE_CHECKING:
    from observe.graph import Graph
    from observe.model import Service
    from observe.policy.breaker import BreakerPolicy, PoolPolicy

MOST: Final = 2_147_483_647
"""The largest limit that Istio has room for."""

GATEWAY_PODS: Final = 2
"""Pods of an ingress gateway where the inventory says nothing of them."""


@dataclass(frozen=True, slots=True)
class ArrivalPolicy:
    """How much of all callers together one pod takes at a time."""

    max_connections: Sourced[int]
    """TCP connections; with HTTP/1 no more requests than this are ever at the application."""
    max_pending_requests: Sourced[int]
    """Requests that wait for a connection."""
    max_requests: Sourced[int]
    """Requests in flight."""


def arrivals(graph: Graph, service: Service) -> ArrivalPolicy:
    """What every calling proxy may have open, times the calling proxies, shared by the instances that are left when
    as many are ejected as may be. Never less than one calling proxy may send.

    Proxies are the pods of declared callers, and those of the ingress gateways where it is reached through one. They
    spread their requests by least requests, so an even share is what a pod meets at the worst time.
    """
    chosen = breaker(graph.inventory, service)
    proxies, left = calling_proxies(graph, service), _left(service, chosen)
    path = graph.inventory.path(service, "replicas")

    def together(limit: Sourced[int]) -> Sourced[int]:
        share = max(math.ceil(limit.value * proxies / left), limit.value)
        why = f"{limit.value} for each of {proxies} calling proxies, shared by {left} of its pods"
        return Sourced(min(share, MOST), Origin(why, path))

    pool = chosen.pool
    return ArrivalPolicy(
        together(pool.max_connections), together(pool.max_pending_requests), together(pool.max_requests)
    )


def departures(graph: Graph, service: Service) -> PoolPolicy:
    """What a proxy that reads the service's DestinationRule may have open: each caller's sidecar for itself, but a
    waypoint for all callers together, so that they do not throttle each other there (istio `cluster_waypoint.go`).
    """
    pool = breaker(graph.inventory, service).pool
    if not graph.inventory.mesh.has_waypoint(service.namespace):
        return pool
    proxies = calling_proxies(graph, service)

    def together(limit: Sourced[int]) -> Sourced[int]:
        why = f"{limit.value} for each of {proxies} callers' pods, which one waypoint serves"
        return Sourced(min(limit.value * proxies, MOST), Origin(why, limit.origin.path))

    return replace(
        pool,
        max_connections=together(pool.max_connections),
        max_pending_requests=together(pool.max_pending_requests),
        max_requests=together(pool.max_requests),
    )


def calling_proxies(graph: Graph, service: Service) -> int:
    """The proxies, or pods without one, that requests to a service come from; at least one."""
    callers = {edge.caller.id: edge.caller for edge in graph.callers(service)}
    return max(sum(map(instances, callers.values())) + _gateways(graph, service), 1)


def _gateways(graph: Graph, service: Service) -> int:
    through = any(caller.via == "ingress" for caller in service.external_callers)
    if not (through or service.exposures or service.role == "gateway"):
        return 0
    return graph.inventory.mesh.installation.gateway_replicas or GATEWAY_PODS


def _left(service: Service, chosen: BreakerPolicy) -> int:
    """The instances that are left of the smallest group, when as many are ejected as may be."""
    sizes = [instances_of(service, version) for version in service.versions if version.weight or version.headers]
    pods = min(sizes, default=instances(service))
    out = pods * chosen.outlier.max_ejection_percent.value // 100 if chosen.outlier else 0
    return max(pods - out, 1)
