"""What a team may choose about requests to its service: routes, breakers, versions, faults, limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from pydantic import Field

from observe.model.call import Retries
from observe.model.fields import (
    Day,
    DnsLabel,
    DnsName,
    Flag,
    GrpcStatus,
    HeaderName,
    HeaderValue,
    HttpPath,
    HttpStatus,
    LabelKey,
    LabelValue,
    Limit,
    Milliseconds,
    Percent,
    PortNumber,
    Replicas,
    Share,
    repeated,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The team's own choice for requests to this service, instead of its role's."""

    timeout: Milliseconds | None = None
    """Limit of a request with all its tries."""
    retries: Retries | None = None
    """How failed requests are tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """The team's own choice for circuit breaking, instead of its role's. Limits count per calling proxy."""

    consecutive_5xx: Annotated[int, Field(strict=True, ge=1, le=1000)] | None = None
    """Failures in a row after which an instance is ejected."""
    interval: Milliseconds | None = None
    """How often ejections are reviewed."""
    base_ejection_time: Milliseconds | None = None
    """How long an instance stays out the first time."""
    max_ejection_percent: Percent | None = None
    """At most this share of the instances may be out at once."""
    max_connections: Limit | None = None
    """TCP connections to the service."""
    max_pending_requests: Limit | None = None
    """Requests that may wait for a connection."""
    max_requests: Limit | None = None
    """Requests in flight."""
    max_requests_per_connection: Limit | None = None
    """Requests after which a connection is opened anew, so that new instances get their share; 1 for each request."""
    min_health_percent: Percent | None = None
    """When fewer instances than this are healthy, requests go to all of them again, the ejected ones too."""
    connect_timeout: Milliseconds | None = None
    """How long opening a connection may take."""
    split_local_origin: Flag | None = None
    """Whether connections that fail are counted apart from answers that say 5xx."""
    load_balancer: Literal["LEAST_REQUEST", "ROUND_ROBIN", "RANDOM"] | None = None
    """How an instance is chosen."""
    hash_header: HeaderName | None = None
    """Requests with the same value of this header go to the same instance, instead of `load_balancer`."""

    def __post_init__(self) -> None:
        if self.load_balancer and self.hash_header:
            raise ValueError("has both load_balancer and hash_header; keep one of the two")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One of several versions that run side by side: a subset of the service's pods."""

    name: DnsLabel
    """The subset's name."""
    labels: Mapping[LabelKey, LabelValue] = field(default_factory=dict)
    """Labels that select its pods among the service's; `version: <name>` when empty."""
    weight: Share = 0
    """Its share of the requests in per cent: 5, 10, 25, 50, 75, 100 on the way of a canary."""
    headers: Mapping[HeaderName, HeaderValue] = field(default_factory=dict)
    """Requests with all of these headers go here whatever the weights say: a dark launch."""
    replicas: Replicas | None = None
    """Its pods; all of the service's when absent."""

    @property
    def selector(self) -> Mapping[str, str]:
        """The labels that select its pods among the service's."""
        return self.labels or {"version": self.name}


def sharing_all(versions: tuple[Version, ...]) -> tuple[Version, ...]:
    """The same versions; raises ValueError when two share a name, or their weights are not the whole."""
    if twice := repeated(version.name for version in versions):
        raise ValueError(f"has two versions called {twice[0]}; give each its own name")
    total = sum(version.weight for version in versions)
    if versions and total != 100:
        raise ValueError(f"has weights of {total} per cent together; make it 100")
    return versions


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultDelay:
    """Requests that are held back."""

    duration: Milliseconds
    """For how long."""
    percent: Percent
    """Which share of the requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultAbort:
    """Requests that are answered with an error instead of by the service."""

    percent: Percent
    """Which share of the requests."""
    status: HttpStatus | None = None
    """The HTTP status."""
    grpc_status: GrpcStatus | None = None
    """The gRPC status, as a number."""

    def __post_init__(self) -> None:
        if (self.status is None) == (self.grpc_status is None):
            raise ValueError("needs one kind of status; give either status or grpc_status")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Delays or errors that are injected on purpose, until a day."""

    name: DnsLabel
    """The name of the experiment."""
    expires: Day
    """The last day on which it may be there; afterwards it is an error, and `observe prune --expired` removes it."""
    delay: FaultDelay | None = None
    """Requests that are held back."""
    abort: FaultAbort | None = None
    """Requests that are answered with an error."""
    headers: Mapping[HeaderName, HeaderValue] = field(default_factory=dict)
    """Only requests with all of these headers are hit; every request when empty."""

    def __post_init__(self) -> None:
        if self.delay is None and self.abort is None:
            raise ValueError("does nothing; give delay, abort or both")


SHORTEST_REFILL: Final = 50
"""Milliseconds; Envoy refuses a shorter `fill_interval` (`local_ratelimit_impl.cc`), and with it the whole listener."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """How many requests each of the service's proxies lets in."""

    requests: Annotated[int, Field(strict=True, ge=1, le=10_000_000)]
    """So many requests, per pod and port."""
    per: Milliseconds = 1_000
    """In so much time."""
    burst: Annotated[int, Field(strict=True, ge=1, le=10_000_000)] | None = None
    """So many at once after a quiet time; `requests` when absent."""

    def __post_init__(self) -> None:
        if self.per < SHORTEST_REFILL:
            raise ValueError(f"has per below {SHORTEST_REFILL}ms, more often than Envoy counts; write more per longer")


def distinct_faults(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """The same faults; raises ValueError when two share a name, which is their object's."""
    if twice := repeated(fault.name for fault in faults):
        raise ValueError(f"has two faults called {twice[0]}; give each its own name")
    return faults


_NO_PREFIX: Final = re.compile(r"[{}]|//|/\.{1,2}(/|$)")
"""Placeholders, and what Envoy makes away with before it looks for a route."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Requests from outside that a gateway passes on to this service."""

    gateway: DnsLabel
    """The gateway's key in `mesh.gateways`."""
    host: DnsName
    """The host they ask for; one of the gateway's."""
    path: HttpPath = "/"
    """The paths that begin like this."""
    port: PortNumber | None = None
    """The service's port; needed only where it has several."""
    timeout: Milliseconds | None = None
    """The limit of such a request; that of the service's route when absent."""

    def __post_init__(self) -> None:
        if _NO_PREFIX.search(self.path):
            raise ValueError("has a path that nothing begins with; leave out placeholders, //, /./ and /../")
