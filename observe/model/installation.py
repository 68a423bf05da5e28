"""How Istio itself is installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from observe.model.fields import DnsLabel, DnsName, PortNumber, Ratio, Replicas
from observe.model.workload import Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracing:
    """Where spans go."""

    service: DnsName
    """The collector's host, such as otel-collector.observability.svc.cluster.local."""
    port: PortNumber = 4317
    """Its OTLP gRPC port."""
    sampling: Ratio = 0.01
    """The share of requests that is traced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """How Istio itself is installed."""

    cluster: DnsLabel | None = None
    """The cluster's name in a mesh of several."""
    network: DnsLabel | None = None
    """The cluster's network in a mesh of several."""
    revision: DnsLabel | None = None
    """The revision that injects; without one, namespaces are labelled `istio-injection: enabled`."""
    access_log: Literal["json", "off"] = "json"
    """Whether proxies log every request, as JSON."""
    tracing: Tracing | None = None
    """Where spans go; none are made when absent."""
    outbound_policy: Literal["ALLOW_ANY", "REGISTRY_ONLY"] = "ALLOW_ANY"
    """`REGISTRY_ONLY`: only hosts that the mesh knows can be reached, which are the declared ones."""
    control_plane_replicas: Replicas | None = None
    """The fewest istiod pods, instead of what is worked out from the fleet."""
    gateway_replicas: Replicas | None = None
    """The fewest ingress gateway pods, instead of what is worked out."""
    proxy: Resources = Resources()
    """What sidecars ask for that say nothing of their own, instead of what is worked out."""
