"""From role, tier and the team's own choices to timeouts, retries, breakers and thresholds.

Every value knows where it came from, so that a reviewer can ask why a route times out after five seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from observe.model import Breaker, Call, Retries, Role, Service, format_duration

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sourced(Generic[T]):
    """A value, and what decided it."""

    value: T
    source: str


@dataclass(frozen=True, slots=True)
class RoutePolicy:
    """How long a request may take with all its tries, and how often it is tried again."""

    timeout: Sourced[int]
    """Milliseconds."""
    attempts: Sourced[int]
    """Tries after the first."""
    per_try_timeout: int | None
    """Milliseconds of one try; None where nothing is tried again."""

    @property
    def reason(self) -> str:
        """The policy in a line, with its sources."""
        parts = [f"timeout {format_duration(self.timeout.value)} ({self.timeout.source})"]
        parts.append(f"retries {self.attempts.value} ({self.attempts.source})")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When an instance is ejected, and how much may be in flight. Limits count per calling proxy."""

    consecutive_5xx: int
    interval: int
    base_ejection_time: int
    max_ejection_percent: int
    max_connections: int
    max_pending_requests: int
    max_requests: int
    source: str


@dataclass(frozen=True, slots=True)
class RoleDefaults:
    """What a role stands for."""

    timeout: int
    attempts: int
    lenient: bool = False


ROLES: Final[dict[Role, RoleDefaults]] = {
    "gateway": RoleDefaults(timeout=15_000, attempts=0),
    "sync": RoleDefaults(timeout=3_000, attempts=2),
    "orchestrator": RoleDefaults(timeout=5_000, attempts=2),
    "external": RoleDefaults(timeout=10_000, attempts=1),
    "worker": RoleDefaults(timeout=10_000, attempts=2, lenient=True),
    "data": RoleDefaults(timeout=3_000, attempts=2),
}
"""A synchronous lookup fails fast; who calls several needs room for the chain; an outside party may be slow, and
is not asked again eagerly; nobody waits for a worker. A gateway retries nothing: it would multiply every retry
below it."""

SHORTEST_TRY: Final = 50
"""Milliseconds that a try should have before time is kept free for waits."""

STANDARD: Final = BreakerPolicy(
    consecutive_5xx=5,
    interval=10_000,
    base_ejection_time=30_000,
    max_ejection_percent=50,
    max_connections=256,
    max_pending_requests=128,
    max_requests=256,
    source="",
)
"""The breaker's defaults. The limits are also applied where requests arrive, to all callers together (istio
`cluster_traffic_policy.go`), so they are set to what a pod can hold rather than to what one caller may send."""

LENIENT: Final = BreakerPolicy(
    consecutive_5xx=10,
    interval=30_000,
    base_ejection_time=30_000,
    max_ejection_percent=50,
    max_connections=256,
    max_pending_requests=1_024,
    max_requests=256,
    source="",
)
"""For workers: a queue may build up, and a slow delivery is no reason to eject."""


def route(service: Service, call: Call | None = None) -> RoutePolicy:
    """The policy for requests to a service: the call's own choice, else the service's, else its role's."""
    role, source = ROLES[service.role], f"role {service.role}"
    timeout = Sourced(role.timeout, source)
    retries: Retries | None = None
    attempts = Sourced(role.attempts, source)
    if service.route.timeout:
        timeout = Sourced(service.route.timeout, "service")
    if service.route.retries:
        retries, attempts = service.route.retries, Sourced(service.route.retries.attempts, "service")
    if call and call.timeout:
        timeout = Sourced(call.timeout, "call")
    if call and call.retries:
        retries, attempts = call.retries, Sourced(call.retries.attempts, "call")
    return RoutePolicy(timeout, attempts, _per_try(retries, timeout, attempts))


def _per_try(retries: Retries | None, timeout: Sourced[int], attempts: Sourced[int]) -> int | None:
    """The chosen limit of a try, else an even share.

    A service chose it for its own timeout: under that of a call it is no longer than the share.
    """
    share = share_of(timeout.value, attempts.value)
    chosen = retries.per_try_timeout if retries else None
    if chosen is None or share is None:
        return share
    inherited = (timeout.source, attempts.source) == ("call", "service")
    return min(chosen, share) if inherited else chosen


def share_of(timeout: int, attempts: int) -> int | None:
    """The longest try for which all tries and the waits between them fit into the timeout; None when there is one try.

    The timeout covers the first try, every retry and the waits (envoy `router_filter.rst`), so a longer try would
    make the last ones impossible. A timeout too short for the waits, which are mostly shorter, is shared by the
    tries alone.
    """
    if attempts == 0:
        return None
    even, without_waits = (timeout - waits(attempts)) // (attempts + 1), timeout // (attempts + 1)
    return max(even, min(SHORTEST_TRY, without_waits), 1)


def waits(attempts: int) -> int:
    """Milliseconds to keep free for the waits before so many retries: 100 for each of three, 250 for each beyond.

    Envoy waits a random part of 25 ms times 1, 3, 7, ..., and of 250 ms at most (`router_filter.rst`).
    """
    return 100 * min(attempts, 3) + 250 * max(attempts - 3, 0)


def breaker(service: Service) -> BreakerPolicy:
    """The breaker of a service: its own choice, else its role's, with an ejection percentage that can eject."""
    base = LENIENT if ROLES[service.role].lenient else STANDARD
    own: Breaker = service.breaker
    return BreakerPolicy(
        consecutive_5xx=own.consecutive_5xx or base.consecutive_5xx,
        interval=own.interval or base.interval,
        base_ejection_time=own.base_ejection_time or base.base_ejection_time,
        max_ejection_percent=own.max_ejection_percent or max(base.max_ejection_percent, least_percent(service)),
        max_connections=own.max_connections or base.max_connections,
        max_pending_requests=own.max_pending_requests or base.max_pending_requests,
        max_requests=own.max_requests or base.max_requests,
        source="service" if own != Breaker() else f"role {service.role}",
    )


def least_percent(service: Service) -> int:
    """The smallest maxEjectionPercent that ever ejects one of the service's instances.

    Envoy ejects only while 100 * (ejected + 1) / hosts <= maxEjectionPercent (`outlier_detection_impl.cc`).
    """
    return math.ceil(100 / service.replicas)


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
    minimum_requests: int
    """Requests in a rate window below which ratios mean nothing."""
    minimum_for_quantile: int
    """Requests in a rate window below which the quantile is one request's luck."""


def watches_mtls(service: Service) -> bool:
    """Whether plaintext to a service is worth an alert: not where it has no proxy, or plaintext was asked for."""
    return service.in_mesh and service.mtls.mode != "DISABLE"


CRITICAL_FACTOR: Final = 4
MTLS_COVERAGE: Final = 0.95
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
        minimum_requests=objectives.minimum_requests,
        minimum_for_quantile=max(objectives.minimum_requests, _one_beyond(objectives.latency.quantile)),
    )


def _one_beyond(quantile: float) -> int:
    """How many requests it takes until a single slow one cannot move the quantile: for P99 more than 100, all seen."""
    return math.ceil((math.floor(round(1 / (1 - quantile), 6)) + 1) * OVERSTATED)
