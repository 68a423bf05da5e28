"""The mesh that the services live in, and the systems that watch it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from observe.model.fields import (
    DnsLabel,
    DnsName,
    Flag,
    HttpUrl,
    IstioVersion,
    LabelKey,
    LabelName,
    LabelValue,
    Line,
    MeshName,
    Milliseconds,
)
from observe.model.gateway import Gateway, RateLimitService
from observe.model.installation import Installation
from observe.model.workload import MtlsMode

DataPlane = Literal["sidecar", "ambient"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingress:
    """The identity of the ingress gateway. It differs by way of installation, hence an input."""

    namespace: DnsLabel = "istio-system"
    """The gateway's namespace."""
    service_account: DnsLabel = "istio-ingressgateway-service-account"
    """The gateway's service account: this default for istioctl, the release's name for the Helm chart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLimits:
    """What the system that evaluates the rules takes. Groups are always split, so that no limit on rules is met."""

    rules_per_group: Annotated[int, Field(strict=True, ge=5, le=1_000)] = 20
    """The most rules in a group; Mimir takes 20 unless it is told otherwise."""
    groups: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = None
    """The most groups of a tenant: 70 in Mimir unless it is told otherwise. Absent: any number, as Prometheus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prometheus:
    """Where rules go, and how often samples come."""

    namespace: DnsLabel = "monitoring"
    """The namespace that PrometheusRules are created in; the operator must select it."""
    rule_labels: Mapping[LabelKey, LabelValue] = field(default_factory=lambda: {"release": "kube-prometheus-stack"})
    """Labels that the operator's ruleSelector asks for."""
    evaluation_interval: Milliseconds = 30_000
    """How often rules are evaluated."""
    scrape_interval: Milliseconds = 15_000
    """How often proxies are scraped; rate windows hold at least four samples."""
    service_account: DnsLabel | None = None
    """Prometheus' own service account in `namespace`, when it scrapes with an Istio certificate. Absent: it comes
    without one, and reaches an application's port only where plaintext is accepted."""
    cluster_label: LabelName | None = None
    """The label that tells clusters apart where one Prometheus, Thanos or Mimir holds several: records and alerts
    keep it, dashboards let choose by it. Absent: all that it holds is one mesh."""
    istiod_job: Line = "istiod"
    """The value of the label `job` of istiod's targets."""
    rule_limits: RuleLimits = RuleLimits()
    """What the system that evaluates the rules takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grafana:
    """Where dashboards go."""

    folder: Line = "Service Mesh"
    """The folder's title."""
    url: HttpUrl | None = None
    """Grafana's address as people reach it, for the links in alerts. Absent: alerts carry no such links."""
    version: Annotated[int, Field(strict=True, ge=10, le=13)] = 11
    """The oldest major version that must show the dashboards: 10 to 13."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MtlsDefault:
    """What holds where a service says nothing of its own: for a namespace, or for the whole mesh, and there also
    for workloads that are in no inventory.
    """

    mode: MtlsMode
    """STRICT refuses plaintext; PERMISSIVE takes both; DISABLE takes plaintext only."""
    reason: Line | None = None
    """Why it is not STRICT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """What holds for a whole namespace. One that is not listed gets no policy of its own."""

    mtls: MtlsDefault | None = None
    """The namespace's PeerAuthentication; none is generated when absent."""
    default_deny: Flag = False
    """Whether workloads that no policy selects refuse every request."""
    waypoint: Flag | None = None
    """Whether an ambient namespace has a waypoint; as `mesh.waypoints` when absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """One Istio mesh."""

    name: MeshName
    """The pack's name: it marks everything that is generated."""
    istio_version: IstioVersion
    """Istio's version, in quotes: metrics and resources differ by version."""
    runbook_base_url: HttpUrl
    """Where the runbooks are published; every alert links to a page below it."""
    owner: LabelValue = "platform"
    """The team that answers for the mesh itself: control plane, certificates, telemetry."""
    objective_days: Literal[28, 30] = 30
    """The days over which objectives are kept: 28, always four weeks, or 30."""
    data_plane: DataPlane = "sidecar"
    """Sidecars, or ambient (ztunnel and waypoints)."""
    trust_domain: DnsName = "cluster.local"
    """First part of every identity."""
    cluster_domain: DnsName = "cluster.local"
    """Last part of every service's host name."""
    root_namespace: DnsLabel = "istio-system"
    """Istio's root namespace."""
    ingress: Ingress = Ingress()
    """The ingress gateway's identity."""
    prometheus: Prometheus = Prometheus()
    """Where rules go."""
    grafana: Grafana = Grafana()
    """Where dashboards go."""
    trust_domain_aliases: tuple[DnsName, ...] = ()
    """Other trust domains whose identities count as this one's."""
    mtls: MtlsDefault | None = None
    """The mesh-wide PeerAuthentication; none is generated when absent."""
    egress_scope: Literal["declared", "off"] = "declared"
    """`declared`: each proxy knows only what its service declares to call."""
    routing: Literal["istio", "gateway-api"] = "istio"
    """Which resources say how requests are routed: Istio's own, or those of the Kubernetes Gateway API."""
    waypoints: Flag = False
    """Whether the namespaces of an ambient mesh have waypoints, without which there is nothing about single
    requests: no routes, no retries, no request metrics."""
    namespaces: Mapping[DnsLabel, Namespace] = field(default_factory=dict)
    """What holds for whole namespaces."""
    gateways: Mapping[DnsLabel, Gateway] = field(default_factory=dict)
    """The ingress gateways."""
    rate_limit_service: RateLimitService | None = None
    """The service that counts for global rate limits."""
    installation: Installation = Installation()
    """How Istio itself is installed."""

    def has_waypoint(self, namespace: str) -> bool:
        """Whether requests to the namespace's services pass a waypoint, which there is in an ambient mesh only."""
        own = self.namespaces.get(namespace, Namespace()).waypoint
        return self.data_plane == "ambient" and (self.waypoints if own is None else own)

    @property
    def mtls_defaults(self) -> Mapping[tuple[str, ...], MtlsDefault]:
        """What is said of mTLS for the mesh and for its namespaces, by the place below `mesh` where it stands."""
        said: dict[tuple[str, ...], MtlsDefault | None] = {("mtls",): self.mtls}
        said |= {("namespaces", name, "mtls"): self.namespaces[name].mtls for name in sorted(self.namespaces)}
        return {place: default for place, default in said.items() if default}

    @property
    def istio_minor(self) -> int:
        """30 for 1.30.3: what behaviour depends on."""
        return int(self.istio_version.split(".")[1])
