"""DestinationRule: pool limits, outlier detection and load balancing for calls to a service.

It holds no `tls`: any such block would replace auto-mTLS (istio/api `destination_rule.proto`), and break either
encryption or the services without a proxy.
"""

from __future__ import annotations

from typing import Final

from observe import policy
from observe.istio.metadata import Manifest, manifest
from observe.model import Inventory, Service, format_duration
from observe.naming import ANNOTATION_REASON, host

KIND: Final = "DestinationRule"
API_VERSION: Final = "networking.istio.io/v1"
RETRY_BUDGET_SINCE: Final = 27
"""Istio minor version that first knew `retryBudget`."""


def destination_rule(inventory: Inventory, service: Service) -> Manifest:
    """The traffic policy for a service, in the service's own namespace, where every caller finds it."""
    chosen = policy.breaker(service)
    traffic: Manifest = {
        "loadBalancer": {"simple": "LEAST_REQUEST"},
        "connectionPool": _pool(service, chosen),
        "outlierDetection": _outlier_detection(chosen),
    }
    if inventory.mesh.istio_minor >= RETRY_BUDGET_SINCE and service.request_ports:
        # At most a fifth of what is in flight may be retries: a failing service is not buried under them.
        traffic["retryBudget"] = {"percent": 20.0, "minRetryConcurrency": 3}
    spec = {
        "host": host(service.namespace, service.name, inventory.mesh.cluster_domain),
        "trafficPolicy": traffic,
    }
    annotations = {ANNOTATION_REASON: f"breaker of {chosen.source}, replicas: {service.replicas}"}
    return manifest(inventory.mesh, API_VERSION, KIND, service.namespace, service.name, spec, annotations)


def _pool(service: Service, chosen: policy.BreakerPolicy) -> Manifest:
    pool: Manifest = {"tcp": {"maxConnections": chosen.max_connections, "connectTimeout": "1s"}}
    if service.request_ports:
        limits = {
            "http1MaxPendingRequests": chosen.max_pending_requests,
            "http2MaxRequests": chosen.max_requests,
        }
        pool["http"] = limits
    return pool


def _outlier_detection(chosen: policy.BreakerPolicy) -> Manifest:
    return {
        "consecutive5xxErrors": chosen.consecutive_5xx,
        "interval": format_duration(chosen.interval),
        "baseEjectionTime": format_duration(chosen.base_ejection_time),
        "maxEjectionPercent": chosen.max_ejection_percent,
    }
