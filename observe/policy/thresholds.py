"""What a service's alerts compare with, and its panels draw."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe.policy.breaker import ejects

if TYPE_CHECKING:
    from observe.model import Mesh, Service


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit on a signal. The alert compares with it and the panel draws it: one object, so they agree."""

    value: float
    source: str


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a service's alerts compare with."""

    error_rate: Threshold
    """Share of failed requests that warns."""
    error_rate_critical: Threshold
    """Share of failed requests that is critical."""
    latency: Threshold
    """Milliseconds at the objective's quantile."""
    ejections: Threshold
    """Instances that may be ejected without an alert."""
    mtls: Threshold
    """Share of requests that must be encrypted."""
    connections: Threshold
    """Share of TCP connections that cannot be opened."""
    turned_away: Threshold
    """Share of requests that pool limits turn away."""
    retries: Threshold
    """Retries for each request."""
    minimum_requests: int
    """Requests in a rate window below which ratios mean nothing."""
    minimum_for_quantile: int
    """Requests in a rate window below which the quantile is one request's luck."""


def watches_mtls(service: Service) -> bool:
    """Whether plaintext to a service is worth an alert: not where it has no proxy, or plaintext was asked for."""
    return service.in_mesh and service.mtls.mode != "DISABLE"


def watches_proxies(mesh: Mesh, service: Service) -> bool:
    """Whether its instances can be missed: in ambient they have no proxies of their own that would report."""
    return service.in_mesh and mesh.data_plane == "sidecar"


def has_envoy(mesh: Mesh, service: Service) -> bool:
    """Whether an Envoy stands between callers and the service: theirs or its own, in ambient only a waypoint's."""
    return mesh.data_plane == "sidecar" or mesh.has_waypoint(service.namespace)


def watches_requests(mesh: Mesh, service: Service) -> bool:
    """Whether the mesh sees single requests to it."""
    return bool(service.request_ports) and has_envoy(mesh, service)


def watches_connections(mesh: Mesh, service: Service) -> bool:
    """Whether connections are what the mesh sees of it: plain TCP, or everything where only ztunnel stands between."""
    return any(port.protocol == "tcp" for port in service.ports) or (
        bool(service.ports) and not has_envoy(mesh, service)
    )


def watches_lost_connections(mesh: Mesh, service: Service) -> bool:
    """Whether somebody tells of these that they failed, too: ztunnel does since Istio 1.29 (`metrics.rs`)."""
    return watches_connections(mesh, service) and (mesh.data_plane == "sidecar" or mesh.istio_minor >= 29)


def watches_egress(mesh: Mesh, service: Service) -> bool:
    """Whether the service's proxies refuse hosts that nobody declared."""
    return watches_proxies(mesh, service) and mesh.installation.outbound_policy == "REGISTRY_ONLY"


def watches_ejections(service: Service) -> bool:
    """Whether an ejection can happen and be seen: a service with one instance has no outlier detection, and the
    statistics of a service outside the cluster do not name it.
    """
    return ejects(service) and service.outside is None


CRITICAL_FACTOR: Final = 4
MTLS_COVERAGE: Final = 0.95
TURNED_AWAY: Final = 0.01
"""A pool limit is there for a rare burst: one request of a hundred is no burst any more."""
RETRIES: Final = 0.2
"""Envoy's retry budget is 20 % of the active requests (`DestinationRule.trafficPolicy.retryBudget`)."""
OVERSTATED: Final = 4 / 3
"""By how much `rate` overstates a count at most: it sees what happened between the first and the last sample of a
window, which holds four or more, and extrapolates to the whole window."""


def thresholds(service: Service) -> Thresholds:
    """The limits a service is held to."""
    objectives = service.objectives
    return Thresholds(
        error_rate=Threshold(objectives.error_rate, "objectives.error_rate"),
        error_rate_critical=Threshold(
            round(objectives.error_rate * CRITICAL_FACTOR, 9), f"{CRITICAL_FACTOR} x objectives.error_rate"
        ),
        latency=Threshold(objectives.latency.limit, "objectives.latency.limit"),
        ejections=Threshold(0, "any ejection"),
        mtls=Threshold(MTLS_COVERAGE, "fixed"),
        connections=Threshold(
            round(objectives.error_rate * CRITICAL_FACTOR, 9), f"{CRITICAL_FACTOR} x objectives.error_rate"
        ),
        turned_away=Threshold(TURNED_AWAY, "fixed"),
        retries=Threshold(RETRIES, "fixed: Envoy's own retry budget"),
        minimum_requests=objectives.minimum_requests,
        minimum_for_quantile=max(objectives.minimum_requests, _one_beyond(objectives.latency.quantile)),
    )


def _one_beyond(quantile: float) -> int:
    """How many requests it takes until a single slow one cannot move the quantile: for P99 more than 100, all seen."""
    return math.ceil((math.floor(round(1 / (1 - quantile), 6)) + 1) * OVERSTATED)
