"""DestinationRule: pool limits, outlier detection, load balancing and versions for calls to a service.

For a service of the cluster it holds no `tls`: any such block would replace auto-mTLS (istio/api
`destination_rule.proto`), and break either encryption or the services without a proxy. Auto-mTLS also speaks
plaintext to those, so they need nothing of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from observe import policy
from observe.istio.metadata import Manifest, manifest
from observe.istio.traffic.virtual_service import sourced_host
from observe.model import format_duration
from observe.provenance import Origin, Sourced, declared

if TYPE_CHECKING:
    from observe.graph import Graph
    from observe.model import Inventory, Service, Version
    from observe.policy import OutlierPolicy, PoolPolicy

KIND: Final = "DestinationRule"
API_VERSION: Final = "networking.istio.io/v1"
RETRY_BUDGET_SINCE: Final = 27
"""Istio minor version that first knew `retryBudget`."""

RETRY_BUDGET: Final = Sourced(
    {"percent": 20.0, "minRetryConcurrency": 3},
    Origin("at most a fifth of what is in flight may be retries: a failing service is not buried under them"),
)


def destination_rule(inventory: Inventory, graph: Graph, service: Service) -> Manifest:
    """The traffic policy for a service, in the service's own namespace, where every caller finds it."""
    outlier, pool = policy.breaker(inventory, service).outlier, policy.departures(graph, service)
    traffic: Manifest = {}
    if service.outside and service.outside.tls:
        traffic["tls"] = origination(service.outside.host, declared(inventory, service, "outside", "tls"))
    traffic["loadBalancer"] = _load_balancer(inventory, service)
    traffic["connectionPool"] = connection_pool(pool, requests=bool(service.request_ports))
    if outlier:
        traffic["outlierDetection"] = outlier_detection(outlier)
    if inventory.mesh.istio_minor >= RETRY_BUDGET_SINCE and service.request_ports:
        traffic["retryBudget"] = RETRY_BUDGET
    spec: Manifest = {"host": sourced_host(inventory, service), "trafficPolicy": traffic}
    if service.versions:
        spec["subsets"] = [_subset(inventory, service, *each) for each in enumerate(service.versions)]
    return manifest(inventory.mesh, API_VERSION, KIND, service.namespace, service.name, spec)


def origination(host: str, origin: Origin) -> Sourced[Any]:
    """TLS that the callers' proxies speak to a host outside the cluster.

    Its certificate is checked against the operating system's authorities of the proxy (`system`, as istio's
    `pkg/security/security.go` has it, which is what holds without a word too: IST0128 asks for one), and against the
    host because that is written here. With `sni` alone any valid certificate would do (istio `cluster_tls.go`,
    `setAutoSniAndAutoSanValidation`). A wildcard certificate passes (envoy `san_matcher.cc`).
    """
    made = {"mode": "SIMPLE", "sni": host, "subjectAltNames": [host], "caCertificates": "system"}
    return Sourced(made, origin)


def _load_balancer(inventory: Inventory, service: Service) -> Manifest:
    """By the header's value, else by the team's choice, else to the instance with the fewest requests in flight."""
    own = service.breaker
    if own.hash_header:
        origin = declared(inventory, service, "breaker", "hash_header")
        return {"consistentHash": {"httpHeaderName": Sourced(own.hash_header, origin)}}
    if own.load_balancer:
        return {"simple": Sourced(own.load_balancer, declared(inventory, service, "breaker", "load_balancer"))}
    return {"simple": Sourced("LEAST_REQUEST", Origin("a slow instance gets fewer requests"))}


def connection_pool(pool: PoolPolicy, *, requests: bool) -> Manifest:
    """The limits of one proxy; those of requests only where it sees requests."""
    connect = Sourced(format_duration(pool.connect_timeout.value), pool.connect_timeout.origin)
    made: Manifest = {"tcp": {"maxConnections": pool.max_connections, "connectTimeout": connect}}
    if requests:
        pending, flight = pool.max_pending_requests, pool.max_requests
        made["http"] = {"http1MaxPendingRequests": pending, "http2MaxRequests": flight}
        if pool.max_requests_per_connection:
            made["http"]["maxRequestsPerConnection"] = pool.max_requests_per_connection
    return made


def outlier_detection(chosen: OutlierPolicy, percent: Sourced[int] | None = None) -> Manifest:
    """When an instance is ejected; at another percentage where that is given."""
    made: Manifest = {"consecutive5xxErrors": chosen.consecutive_5xx}
    if chosen.split_local_origin.value:
        made["splitExternalLocalOriginErrors"] = chosen.split_local_origin
        made["consecutiveLocalOriginFailures"] = chosen.consecutive_5xx
    made["interval"] = Sourced(format_duration(chosen.interval.value), chosen.interval.origin)
    out = chosen.base_ejection_time
    made["baseEjectionTime"] = Sourced(format_duration(out.value), out.origin)
    made["maxEjectionPercent"] = percent or chosen.max_ejection_percent
    if chosen.min_health_percent:
        made["minHealthPercent"] = chosen.min_health_percent
    return made


def _subset(inventory: Inventory, service: Service, index: int, version: Version) -> Manifest:
    """A version's pods. A block of its own policy replaces the service's, so outlier detection stands in full."""
    where = declared(inventory, service, "versions", index)
    made: Manifest = {"name": Sourced(version.name, where), "labels": Sourced(dict(version.selector), where)}
    outlier, percent = policy.breaker(inventory, service).outlier, policy.subset_percent(inventory, service, index)
    if outlier and percent:
        made["trafficPolicy"] = {"outlierDetection": outlier_detection(outlier, percent)}
    return made
