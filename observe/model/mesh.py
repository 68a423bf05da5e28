"""The mesh that the services live in, and the systems that watch it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from observe.model.fields import (
    DnsLabel,
    DnsName,
    HttpUrl,
    IstioVersion,
    LabelKey,
    LabelValue,
    Line,
    MeshName,
    Milliseconds,
)

DataPlane = Literal["sidecar", "ambient"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingress:
    """The identity of the ingress gateway. It differs by way of installation, hence an input."""

    namespace: DnsLabel = "istio-system"
    """The gateway's namespace."""
    service_account: DnsLabel = "istio-ingressgateway-service-account"
    """The gateway's service account: this default for istioctl, the release's name for the Helm chart."""


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
class Mesh:
    """One Istio mesh."""

    name: MeshName
    """The pack's name: it marks everything that is generated."""
    istio_version: IstioVersion
    """Istio's version, in quotes: metrics and resources differ by version."""
    runbook_base_url: HttpUrl
    """Where the runbooks are published; every alert links to a page below it."""
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

    @property
    def istio_minor(self) -> int:
        """30 for 1.30.3: what behaviour depends on."""
        return int(self.istio_version.split(".")[1])
