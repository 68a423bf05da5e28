"""What Istio's proxies report: metric, label, value and bucket vocabulary, by version and data plane.

Sources: istio/proxy `istio_stats.cc` (names, labels, reporters), envoy `prometheus_stats.cc` (naming of Envoy's
own stats), istio `pkg/bootstrap/config.go` (which stats exist by default), ztunnel `metrics.rs`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from observe.naming import gateway_workloads
from observe.promql import Matcher, escape_regex

if TYPE_CHECKING:
    from collections.abc import Iterable

    from observe.model import Inventory, Mesh

REQUESTS: Final = "istio_requests_total"
DURATION_BUCKET: Final = "istio_request_duration_milliseconds_bucket"
TCP_OPENED: Final = "istio_tcp_connections_opened_total"
TCP_FAILED: Final = "istio_tcp_connections_failed_total"
"""Of ztunnel only, since Istio 1.29; sidecars say in the flags of opened connections why they failed."""
TCP_SENT: Final = "istio_tcp_sent_bytes_total"
TCP_RECEIVED: Final = "istio_tcp_received_bytes_total"
BUILD: Final = "istio_build"
"""1 for each component that is scraped: `component` is `proxy`, `pilot` or `ztunnel`, `tag` its version."""
UP: Final = "up"
RBAC: Final = "envoy_http_rbac"
"""Requests by the verdict of AuthorizationPolicies, by default exported; a refusal has no response flag."""

CERTIFICATE_EXPIRY: Final = "istio_agent_cert_expiry_seconds"
"""Seconds that a certificate still holds. Only the agent's own port (15020) has it, not Envoy's (15090)."""
ROOT_EXPIRY: Final = "citadel_server_root_cert_expiry_timestamp"
CHAIN_EXPIRY: Final = "citadel_server_cert_chain_expiry_timestamp"

XDS_REJECTS: Final = "pilot_total_xds_rejects"
XDS_PUSHES: Final = "pilot_xds_pushes"
"""By `type`; the errors are types too, such as `cds_senderr`. `pilot_xds_push_errors` does not exist."""
XDS_CONNECTIONS: Final = "pilot_xds"
CONVERGENCE_BUCKET: Final = "pilot_proxy_convergence_time_bucket"
INJECTION_SUCCESSES: Final = "sidecar_injection_success_total"
INJECTION_FAILURES: Final = "sidecar_injection_failure_total"
VALIDATION_FAILURES: Final = "galley_validation_failed"
CONFLICTS: Final = (
    "pilot_conflict_inbound_listener",
    "pilot_conflict_outbound_listener_tcp_over_current_tcp",
    "pilot_destrule_subsets",
    "pilot_duplicate_envoy_clusters",
    "pilot_vservice_dup_domain",
)
"""Gauges of istiod that are above zero where configuration contradicts itself."""

EJECTIONS_ACTIVE: Final = "envoy_cluster_outlier_detection_ejections_active"
EJECTIONS_DENIED: Final = "envoy_cluster_outlier_detection_ejections_overflow"
"""Ejections that were due and that `maxEjectionPercent` forbade."""
RETRIES: Final = "envoy_cluster_upstream_rq_retry"
RETRIES_SUCCEEDED: Final = "envoy_cluster_upstream_rq_retry_success"
RETRIES_EXHAUSTED: Final = "envoy_cluster_upstream_rq_retry_limit_exceeded"
ACTIVE_REQUESTS: Final = "envoy_cluster_upstream_rq_active"
ACTIVE_CONNECTIONS: Final = "envoy_cluster_upstream_cx_active"
TLS_FAILURES: Final = (
    "envoy_cluster_ssl_connection_error",
    "envoy_cluster_ssl_fail_verify_error",
    "envoy_cluster_ssl_fail_verify_no_cert",
    "envoy_cluster_ssl_fail_verify_san",
)
"""Failed handshakes as callers see them; a failed verification is not counted among the connection errors."""

PROXY_CPU: Final = "container_cpu_usage_seconds_total"
PROXY_MEMORY: Final = "container_memory_working_set_bytes"
PROXY_CONTAINER: Final = "istio-proxy"
"""The container of a sidecar or gateway in the kubelet's metrics."""

BUCKETS: Final = (
    0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000,
    1_800_000, 3_600_000,
)  # fmt: skip
"""Upper limits of the latency buckets in milliseconds (envoy `HistogramSettingsImpl::defaultBuckets`)."""

BUCKETS_ANNOTATION: Final = "sidecar.istio.io/statsHistogramBuckets"
BUCKETS_PREFIX: Final = "istiocustom.istio_request_duration_milliseconds"
"""The raw name of the latency histogram: what the annotation's lists are matched by (`pkg/bootstrap/config.go`)."""


def buckets_at_objectives(mesh: Mesh) -> bool:
    """Whether the installation puts limits where the objectives are: an annotation on injected pods does.

    An ambient mesh has no such pods.
    """
    return mesh.data_plane == "sidecar"


def bucket_limits(wanted: Iterable[int]) -> tuple[float, ...]:
    """The default limits and those that are wanted besides, in milliseconds.

    A quantile is exact at a limit and a guess between two: with 1 s and 2.5 s alone, a service whose slowest answers
    take 1.2 s may well read 2.4 s.
    """
    return tuple(sorted({*BUCKETS, *wanted}))


GRPC_SERVER_FAULTS: Final = "2|4|12|13|14|15"
"""UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS: the server's fault, as in
OpenTelemetry's semantic conventions. Failed gRPC calls have response code 200, so the code cannot tell."""

NO_SERVICE: Final = Matcher(
    "destination_service_name", "!~", "PassthroughCluster|BlackHoleCluster|InboundPassthroughCluster.*|unknown"
)
"""Traffic to no known service; its `destination_service` may be whatever Host header the client sent."""

BLOCKED: Final = Matcher("destination_service_name", "=", "BlackHoleCluster")
"""Hosts that no configuration names, where only registered ones may be called."""
UNROUTED: Final = Matcher("destination_service_name", "=", "unknown")

OUTSIDE: Final = "unknown"
"""`source_workload` of a caller without a proxy."""


def has_flag(flag: str) -> Matcher:
    """Requests with this response flag. Several flags are joined by commas, so equality would miss some."""
    return Matcher("response_flags", "=~", f"(.+,)?{flag}(,.+)?")


def lacks_flag(flag: str) -> Matcher:
    """Requests without this response flag."""
    return Matcher("response_flags", "!~", f"(.+,)?{flag}(,.+)?")


def vantage(mesh: Mesh) -> tuple[tuple[Matcher, ...], ...]:
    """Sets of matchers that together count every request once.

    A request from sidecar to sidecar is reported twice, so reporters are never summed. With sidecars the caller's
    report is the better one: it also sees what never arrived. A caller without a proxy reports nothing; its
    requests are seen by the callee's sidecar alone.

    In ambient the waypoint reports for both, but gateways go around waypoints and report for themselves; those who
    are told not to (`istio.io/ingress-use-waypoint`) are reported by both.
    """
    sources = Matcher("reporter", "=", "source")
    if mesh.data_plane == "ambient":
        gateways = from_gateway(mesh)
        inside = (Matcher("reporter", "=", "waypoint"), replace(gateways, operator="!~"))
        return (inside, (sources, gateways))
    return ((sources,), (Matcher("reporter", "=", "destination"), Matcher("source_workload", "=", OUTSIDE)))


def from_gateway(mesh: Mesh) -> Matcher:
    """Requests that gateways of the mesh pass on."""
    return Matcher("source_workload", "=~", "|".join(map(escape_regex, gateway_workloads(mesh))))


def receiver(mesh: Mesh) -> Matcher:
    """The reports that know whether a connection was encrypted: the callee's.

    The caller's reports say `unknown` even under STRICT (istio/proxy `istio_stats.cc`, `mutual_tls_`).
    """
    if mesh.data_plane == "ambient":
        return Matcher("reporter", "=~", "destination|waypoint")
    return Matcher("reporter", "=", "destination")


ENCRYPTED: Final = Matcher("connection_security_policy", "=", "mutual_tls")
PLAINTEXT: Final = Matcher("connection_security_policy", "!=", "mutual_tls")
"""Not `="none"`: ztunnel never says that, it says `unknown`."""


def overflow_counters(mesh: Mesh) -> tuple[str, ...]:
    """Counters of what connection pool limits turned away.

    Envoy 1.38 (Istio 1.30) counts requests over `http2MaxRequests` apart; before, they were pending overflow.
    """
    counters = ("envoy_cluster_upstream_cx_overflow", "envoy_cluster_upstream_rq_pending_overflow")
    return (*counters, "envoy_cluster_upstream_rq_active_overflow") if mesh.istio_minor >= 30 else counters


LONGEST_HOSTS: Final = 4_000
"""Characters. Injection writes the expressions into every pod (the variable PROXY_CONFIG), so with many services
they name namespaces instead."""


def stats_matcher(inventory: Inventory) -> tuple[str, ...]:
    """Regular expressions (RE2, full match on Envoy's raw stat name) for the stats that the pack reads, and only of
    the inventory's services: every statistic is a series for each proxy and each cluster that it knows.

    Proxies export none of them by default (istio `pkg/bootstrap/config.go`). Raw names contain `;` after the
    cluster name since Istio 1.23. RE2 takes programs of 32,768 instructions there, about one for each character.
    """
    mesh = inventory.mesh
    overflow = "|".join(counter.removeprefix("envoy_cluster_upstream_") for counter in overflow_counters(mesh))
    stats = (
        r"outlier_detection\.ejections_(active|enforced_total|overflow)",
        rf"upstream_({overflow}|rq_retry|rq_retry_success|rq_retry_limit_exceeded|rq_retry_overflow)",
        r"circuit_breakers\.default\.(cx|rq|rq_pending)_open",
        r"upstream_(rq|cx)_active",
        r"ssl\.(handshake|connection_error|fail_verify_(error|no_cert|san))",
    )
    cluster = rf"(outbound|inbound-vip)\|[0-9]+\|[^|]*\|{_hosts(inventory)}\.svc\.{escape_regex(mesh.cluster_domain)}"
    return (rf"cluster\.{cluster};?\.({'|'.join(stats)})",)


def _hosts(inventory: Inventory) -> str:
    """The first two parts of the hosts of all services in the cluster: one by one, or else by namespace, or else any.

    Services outside the cluster are left out: no signal reads their clusters.
    """
    names: dict[str, list[str]] = {}
    for service in sorted(inventory.services, key=lambda service: service.id):
        if service.outside is None:
            names.setdefault(service.namespace, []).append(service.name)
    exact = (rf"({'|'.join(below)})\.{namespace}" for namespace, below in names.items())
    for choice in (f"({'|'.join(exact)})", rf"[^.|]+\.({'|'.join(names)})"):
        if names and len(choice) <= LONGEST_HOSTS:
            return choice
    return r"[^.|]+\.[^.|]+"


ENDPOINT: Final = "request_endpoint"
"""The label of REQUESTS that says which declared operation a request was: `Endpoint.title`. Only what the callee's
proxy reports has it (`reporter="destination"`, or the waypoint), and only of services that declare operations."""

OTHER_ENDPOINT: Final = "other"
"""Requests of none of the declared operations."""
