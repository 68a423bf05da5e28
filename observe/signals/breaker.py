"""What circuit breakers do: instances ejected, requests turned away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe import telemetry
from observe.naming import SERVICE_LABELS, record
from observe.promql import (
    Aggregation,
    Binary,
    Expr,
    Matcher,
    Number,
    Selector,
    escape_regex,
    label_from,
    rate,
    sum_by,
    tagged,
    union,
)
from observe.signals.signal import NOT_REPORTED, Signal

if TYPE_CHECKING:
    from observe.model import Mesh


def to_services(mesh: Mesh) -> Matcher:
    """Envoy clusters that stand for services of the cluster: not for external hosts, and not for arrivals."""
    return Matcher("cluster_name", "=~", rf"(outbound|inbound-vip)\|.+\.svc\.{escape_regex(mesh.cluster_domain)}")


def by_service(mesh: Mesh, series: Expr) -> Expr:
    """Name the service that an Envoy cluster stands for, in the labels that request metrics use.

    `cluster_name` is `direction|port|subset|host` (istio `model.BuildSubsetKey`).
    """
    prefix, domain = r"[a-z-]+\|[0-9]+\|[^|]*\|", escape_regex(mesh.cluster_domain)
    namespace, name = SERVICE_LABELS
    named = label_from(series, name, "cluster_name", rf"{prefix}([^.|]+)\.[^.|]+\.svc\.{domain}")
    return label_from(named, namespace, "cluster_name", rf"{prefix}[^.|]+\.([^.|]+)\.svc\.{domain}")


def ejections(mesh: Mesh) -> Signal:
    """Instances of a service that the worst-off caller has ejected."""
    series = by_service(mesh, Selector(telemetry.EJECTIONS_ACTIVE, (to_services(mesh),)))
    return Signal(
        id="ejections",
        title="Circuit breaker ejections",
        unit="count",
        description=(
            "Instances that outlier detection keeps out of load balancing right now. Every calling proxy has its own "
            "view; this is the worst one."
        ),
        record=record("service", telemetry.EJECTIONS_ACTIVE, "max"),
        measure=Aggregation("max", SERVICE_LABELS, series),
        needs_stats=(telemetry.EJECTIONS_ACTIVE,),
        absent=NOT_REPORTED,
    )


def ejecting_callers(mesh: Mesh) -> Signal:
    """How many callers' proxies keep an instance out."""
    ejecting = Binary(">", by_service(mesh, Selector(telemetry.EJECTIONS_ACTIVE, (to_services(mesh),))), Number(0))
    return Signal(
        id="ejecting-callers",
        title="Callers that eject",
        unit="count",
        description=(
            "Callers' proxies that keep an instance out. If one does, look at that caller; if all do, at the service."
        ),
        record=record("service", telemetry.EJECTIONS_ACTIVE, "count"),
        measure=Aggregation("count", SERVICE_LABELS, ejecting),
        needs_stats=(telemetry.EJECTIONS_ACTIVE,),
        absent="no caller ejects an instance",
    )


def denied(mesh: Mesh, window: str) -> Signal:
    """Ejections that were due, and that the limit of ejected instances forbade."""
    series = rate(Selector(telemetry.EJECTIONS_DENIED, (to_services(mesh),)), window)
    return Signal(
        id=f"ejections-denied-{window}",
        title="Ejections denied",
        unit="per second",
        description=(
            "Ejections that were due and that `maxEjectionPercent` forbade: failing instances stay in load balancing."
        ),
        record=record("service", telemetry.EJECTIONS_DENIED, f"rate{window}"),
        measure=sum_by(SERVICE_LABELS, by_service(mesh, series)),
        needs_stats=(telemetry.EJECTIONS_DENIED,),
        absent=NOT_REPORTED,
    )


def in_use(mesh: Mesh, metric: str, title: str, description: str) -> Signal:
    """How much of a pool the busiest caller's proxy uses."""
    return Signal(
        id=f"pool-{metric.removeprefix('envoy_cluster_upstream_').replace('_', '-')}",
        title=title,
        unit="count",
        description=description,
        record=record("service", metric, "max"),
        measure=Aggregation("max", SERVICE_LABELS, by_service(mesh, Selector(metric, (to_services(mesh),)))),
        needs_stats=(metric,),
        absent=NOT_REPORTED,
    )


def handshakes_failed(mesh: Mesh, window: str) -> Signal:
    """TLS handshakes that failed, as callers see them."""
    rates = [
        tagged(rate(Selector(name, (to_services(mesh),)), window), "kind", name) for name in telemetry.TLS_FAILURES
    ]
    return Signal(
        id=f"handshakes-failed-{window}",
        title="TLS handshake failures",
        unit="per second",
        description="TLS handshakes with the service that failed, as its callers' proxies see them.",
        record=record("service", "envoy_cluster_ssl_failed", f"rate{window}"),
        measure=sum_by(SERVICE_LABELS, by_service(mesh, union(*rates))),
        needs_stats=telemetry.TLS_FAILURES,
        absent=NOT_REPORTED,
    )


def overflow(mesh: Mesh, window: str) -> Signal:
    """Requests and connections per second that connection pool limits turned away."""
    counters = telemetry.overflow_counters(mesh)
    # After rate() the counters have equal labels, and `or` would drop all but the first: hence the tag.
    rates = [tagged(rate(Selector(name, (to_services(mesh),)), window), "limit", name) for name in counters]
    return Signal(
        id=f"overflow-{window}",
        title="Connection pool overflow",
        unit="per second",
        description="Requests and connections that the callers' proxies turned away because a pool limit was reached.",
        record=record("service", "envoy_cluster_upstream_overflow", f"rate{window}"),
        measure=sum_by(SERVICE_LABELS, by_service(mesh, union(*rates))),
        needs_stats=counters,
        absent=NOT_REPORTED,
    )
