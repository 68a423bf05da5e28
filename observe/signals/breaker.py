"""What circuit breakers do: instances ejected, requests turned away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe import telemetry
from observe.naming import SERVICE_LABELS, record
from observe.promql import Aggregation, Expr, Matcher, Selector, escape_regex, label_from, rate, sum_by, tagged, union
from observe.signals.signal import Signal

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
    )
