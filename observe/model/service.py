"""A service as its team declares it. Attribute docstrings are also the descriptions in the JSON Schema."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from observe.model.fields import (
    Attempts,
    Count,
    DnsLabel,
    DnsName,
    FindingCode,
    Flag,
    GrpcMethod,
    HttpPath,
    LabelKey,
    LabelValue,
    Limit,
    Line,
    Milliseconds,
    Percent,
    PortNumber,
    Ratio,
    Replicas,
    ServiceReference,
)

Role = Literal["gateway", "sync", "orchestrator", "external", "worker", "data"]
Tier = Literal["critical", "high", "medium", "low"]
Protocol = Literal["http", "grpc", "tcp"]
MtlsMode = Literal["STRICT", "PERMISSIVE", "DISABLE"]
Method = Literal["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH"]
IDEMPOTENT_METHODS: tuple[Method, ...] = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
"""Methods that may be sent twice with the effect of once (RFC 9110, section 9.2.2; TRACE and CONNECT left out)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A port of the Kubernetes Service."""

    name: DnsLabel
    """The port's name in the Service."""
    number: PortNumber
    """The port's number in the Service: what callers dial."""
    protocol: Protocol = "http"
    """What is spoken on it. Only http and grpc have request metrics, retries and request-level authorization."""
    target_port: PortNumber | None = None
    """The container's port, when it differs from `number`."""

    @property
    def container_port(self) -> int:
        """The port the workload listens on: what PeerAuthentication and AuthorizationPolicy count in."""
        return self.target_port or self.number


def distinct_ports(ports: tuple[Port, ...]) -> tuple[Port, ...]:
    """The same ports; raises ValueError when two share their name or number, which Kubernetes refuses."""
    twice = [f"the name {name}" for name in _repeated(port.name for port in ports)]
    twice += [f"the number {number}" for number in _repeated(port.number for port in ports)]
    if twice:
        raise ValueError(f"has two ports with {' and '.join(twice)}; give each port its own")
    return ports


def _repeated(values: Iterable[str | int]) -> list[str | int]:
    """What is there more than once, in the order it came."""
    return [value for value, count in Counter(values).items() if count > 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often a failed request is tried again."""

    attempts: Attempts
    """Tries after the first one; 0 turns retries off."""
    per_try_timeout: Milliseconds | None = None
    """Limit of one try; by default an even share of the timeout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call from this service to another one."""

    service: ServiceReference
    """The callee's key in the inventory."""
    port: PortNumber | None = None
    """The callee's port that is dialled; needed only where it has several."""
    timeout: Milliseconds | None = None
    """The caller's own limit, instead of the callee's."""
    retries: Retries | None = None
    """The caller's own retries, instead of the callee's."""
    asynchronous: Flag = False
    """A notification that is sent after the triggering request was answered: authorized like any call, but no
    part of a request chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalHost:
    """A host outside the cluster that this service calls."""

    host: DnsName
    """Its DNS name."""
    port: PortNumber = 443
    """Its port."""
    protocol: Literal["https", "http", "tls", "tcp"] = "https"
    """What is spoken; https and tls are opaque to the mesh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One operation of the service: an HTTP method and path, or a gRPC method."""

    method: Method | None = None
    """HTTP method."""
    path: HttpPath | None = None
    """HTTP path; `{name}` stands for one segment."""
    grpc: GrpcMethod | None = None
    """gRPC method as `package.Service/Method`."""
    idempotent: Flag | None = None
    """Whether it may be sent twice; by default told by the HTTP method, and false for gRPC."""
    timeout: Milliseconds | None = None
    """The endpoint's own limit."""

    def __post_init__(self) -> None:
        http = (self.method is not None, self.path is not None)
        if self.grpc is None and http != (True, True):
            raise ValueError("is no operation yet; give both method and path, or grpc alone")
        if self.grpc is not None and any(http):
            raise ValueError("has grpc together with method or path; write two endpoints")

    @property
    def is_idempotent(self) -> bool:
        """Whether the operation may be sent twice: as declared, else by its HTTP method."""
        return self.idempotent if self.idempotent is not None else self.method in IDEMPOTENT_METHODS

    @property
    def title(self) -> str:
        return self.grpc or f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalCaller:
    """Somebody outside the mesh who calls this service."""

    name: Line
    """Who it is."""
    via: Literal["ingress", "direct"] = "ingress"
    """`ingress`: through the ingress gateway, which speaks mTLS into the mesh. `direct`: straight to the pods,
    without a client certificate, as a webhook sender behind a plain load balancer does."""
    endpoints: tuple[Endpoint, ...] = ()
    """The operations they use; all of the service's when empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What the application's own code and configuration do today, before the mesh takes over."""

    timeout: Milliseconds | None = None
    """The limit it sets on its outgoing calls; absent means it waits for ever."""
    retries: Count = 0
    """How often it retries by itself; these multiply with the mesh's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyObjective:
    """So much of the requests must be faster than so much."""

    quantile: Annotated[float, Field(strict=True, ge=0.5, le=0.999)] = 0.99
    """The share of requests that must be faster: 0.99 for P99."""
    limit: Milliseconds = 2_000
    """The slowest that is still good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objectives:
    """What the team promises, and so what its alerts compare with."""

    error_rate: Annotated[Ratio, Field(gt=0, le=0.2)] = 0.05
    """Failed requests above this share warn; four times as many are critical. At most 20 %."""
    latency: LatencyObjective = LatencyObjective()
    """The latency that is promised."""
    availability: Annotated[Ratio, Field(ge=0.5, lt=1)] | None = None
    """Share of good requests over 30 days, such as 99.9%."""
    minimum_requests: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 20
    """Fewer requests than this in a rate window are too few to judge: request alerts stay quiet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mtls:
    """Which connections the service's sidecars accept."""

    mode: MtlsMode = "STRICT"
    """STRICT refuses plaintext; PERMISSIVE takes both; DISABLE takes plaintext only."""
    ports: tuple[PortNumber, ...] = ()
    """Container ports that the exception is limited to; the other ports stay STRICT. Empty: the whole service."""
    reason: Line | None = None
    """Why it is not STRICT. Anything but STRICT needs one."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A finding about this service that is known and accepted."""

    code: FindingCode
    """The finding's code."""
    reason: Line
    """Why it is accepted."""


DEFAULTABLE = (
    "namespace",
    "owner",
    "tier",
    "replicas",
    "injection",
    "in_mesh",
    "objectives",
    "mtls",
    "route",
    "breaker",
)
"""The fields of a service that the inventory's `defaults` may give for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One Kubernetes Service and the workload behind it."""

    name: DnsLabel
    """The Service's name."""
    namespace: DnsLabel
    """Its namespace."""
    owner: LabelValue
    """The team that is paged."""
    tier: Tier
    """How much the business needs it."""
    role: Role
    """What kind of service it is; timeouts, retries and breakers follow from it."""
    ports: Annotated[tuple[Port, ...], Field(min_length=1), AfterValidator(distinct_ports)]
    """The Service's ports."""
    description: Line | None = None
    """What it does, in a line."""
    replicas: Replicas = 2
    """Pods that normally run."""
    service_account: DnsLabel | None = None
    """The pods' service account: their identity in the mesh. Absent: the namespace's shared `default`."""
    labels: Mapping[LabelKey, LabelValue] = field(default_factory=dict)
    """Labels that select the pods; `app: <name>` when empty."""
    injection: Literal["explicit", "namespace"] = "namespace"
    """`explicit`: the pod template itself asks for the sidecar. `namespace`: only the namespace's label does."""
    in_mesh: Flag = True
    """Whether its pods have a sidecar, or are captured by ztunnel."""
    calls: tuple[Call, ...] = ()
    """The services it calls."""
    external_hosts: tuple[ExternalHost, ...] = ()
    """The hosts outside the cluster it calls."""
    external_callers: tuple[ExternalCaller, ...] = ()
    """Who calls it from outside the mesh."""
    endpoints: tuple[Endpoint, ...] = ()
    """Its operations. When given, callers may use these and no others."""
    application: Application = Application()
    """Timeouts and retries in the application's own code today."""
    objectives: Objectives = Objectives()
    """What it promises."""
    mtls: Mtls = Mtls()
    """Which connections it accepts."""
    route: Route = Route()
    """Own timeout and retries, instead of the role's."""
    breaker: Breaker = Breaker()
    """Own circuit breaking, instead of the role's."""
    silence: tuple[Silence, ...] = ()
    """Findings that are known and accepted."""

    @property
    def id(self) -> str:
        """`namespace/name`: unique in the inventory."""
        return f"{self.namespace}/{self.name}"

    @property
    def selector(self) -> Mapping[str, str]:
        """The labels that select the service's pods."""
        return self.labels or {"app": self.name}

    @property
    def request_ports(self) -> tuple[Port, ...]:
        """The ports on which the mesh sees single requests."""
        return tuple(port for port in self.ports if port.protocol != "tcp")

    @property
    def speaks_grpc(self) -> bool:
        return any(port.protocol == "grpc" for port in self.ports)
