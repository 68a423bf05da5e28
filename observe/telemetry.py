"""What Istio's proxies report: metric, label, value and bucket vocabulary, by version and data plane.

Sources: istio/proxy `istio_stats.cc` (names, labels, reporters), envoy `prometheus_stats.cc` (naming of Envoy's
own stats), istio `pkg/bootstrap/config.go` (which stats exist by default), ztunnel `metrics.rs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.promql import Matcher, escape_regex

if TYPE_CHECKING:
    from collections.abc import Iterable

    from observe.model import Inventory, Mesh

REQUESTS: Final = "istio_requests_total"
DURATION_BUCKET: Final = "istio_request_duration_milliseconds_bucket"
TCP_OPENED: Final = "istio_tcp_connections_opened_total"
CERTIFICATE_EXPIRY: Final = "istio_agent_cert_expiry_seconds"

EJECTIONS_ACTIVE: Final = "envoy_cluster_outlier_detection_ejections_active"
RETRIES: Final = "envoy_cluster_upstream_rq_retry"

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
    requests are seen by the callee's sidecar alone. In ambient the waypoint reports for both.
    """
    if mesh.data_plane == "ambient":
        return ((Matcher("reporter", "=", "waypoint"),),)
    outside = (Matcher("reporter", "=", "destination"), Matcher("source_workload", "=", OUTSIDE))
    return ((Matcher("reporter", "=", "source"),), outside)


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
