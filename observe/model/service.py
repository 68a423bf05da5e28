"""A service as its team declares it. Attribute docstrings are also the descriptions in the JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from observe.model.call import Call, Endpoint, ExternalCaller, ExternalHost
from observe.model.fields import (
    Count,
    DnsLabel,
    FindingCode,
    Flag,
    LabelKey,
    LabelValue,
    Line,
    Milliseconds,
    Ratio,
    Replicas,
)
from observe.model.traffic import Breaker, Exposure, Fault, RateLimit, Route, Version, distinct_faults, sharing_all
from observe.model.workload import ExcludedPorts, Metrics, Mtls, Outside, Port, Resources, Workload, distinct_ports

Role = Literal["gateway", "sync", "orchestrator", "external", "worker", "data"]

Tier = Literal["critical", "high", "medium", "low"]


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
    """Share of good requests over `mesh.objective_days`, such as 99.9%. Alerts then also watch how fast the rest is
    used up."""
    minimum_requests: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 20
    """Fewer requests than this in a rate window are too few to judge: request alerts stay quiet."""


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
    "authorization",
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
    authorization: Literal["enforce", "dry-run"] = "enforce"
    """`dry-run`: who is not declared is still let in, and only counted (`istio.io/dry-run`)."""
    route: Route = Route()
    """Own timeout and retries, instead of the role's."""
    breaker: Breaker = Breaker()
    """Own circuit breaking, instead of the role's."""
    versions: Annotated[tuple[Version, ...], AfterValidator(sharing_all)] = ()
    """The versions that run side by side, and how requests are shared among them."""
    faults: Annotated[tuple[Fault, ...], AfterValidator(distinct_faults)] = ()
    """Faults that are injected on purpose, until a day."""
    rate_limit: RateLimit | None = None
    """How many requests each of its proxies lets in."""
    exposures: tuple[Exposure, ...] = ()
    """What gateways pass on to it from outside."""
    metrics: Metrics | None = None
    """Where the application itself offers metrics."""
    excluded_ports: ExcludedPorts = ExcludedPorts()
    """Traffic that goes past the proxy."""
    outside: Outside | None = None
    """Where it runs, when that is not the cluster."""
    workload: Workload = Workload()
    """What runs its pods."""
    proxy: Resources = Resources()
    """What its sidecars ask for, instead of what is worked out."""
    peak_rps: Annotated[int, Field(strict=True, ge=1, le=10_000_000)] | None = None
    """Requests per second at the busiest time, all pods together: sidecars are sized by it."""
    silence: tuple[Silence, ...] = ()
    """Findings that are known and accepted."""

    def __post_init__(self) -> None:
        if self.outside is not None and self.in_mesh:
            raise ValueError("is outside the cluster and in the mesh; write in_mesh: false")
        if self.outside is not None and self.versions:
            raise ValueError("is outside the cluster, where labels select nothing, and has versions; remove versions")

    @property
    def id(self) -> str:
        """`namespace/name`: unique in the inventory."""
        return f"{self.namespace}/{self.name}"

    @property
    def selector(self) -> Mapping[str, str]:
        """The labels that select the service's pods."""
        return self.labels or {"app": self.name}

    @property
    def workload_name(self) -> str:
        """The name of what runs its pods."""
        return self.workload.name or self.name

    @property
    def workload_names(self) -> tuple[str, ...]:
        """The names of what runs its pods: an inventory names one workload only, so each version is taken to have one
        that is called after it, `web-v1` and `web-v2` of `web`, whether `web` or `web-v1` is declared.
        """
        name, versions = self.workload_name, [version.name for version in self.versions]
        base = next((name.removesuffix(f"-{each}") for each in versions if name.endswith(f"-{each}")), name)
        return tuple(f"{base}-{version}" for version in versions) or (name,)

    @property
    def request_ports(self) -> tuple[Port, ...]:
        """The ports on which the mesh sees single requests."""
        return tuple(port for port in self.ports if port.protocol != "tcp")

    @property
    def speaks_grpc(self) -> bool:
        return any(port.protocol == "grpc" for port in self.ports)
