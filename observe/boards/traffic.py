"""Queries that split one service's traffic by what no signal keeps: the other side, codes, flags.

They read Istio's own series, hence of one service only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from observe import naming, telemetry
from observe.promql import Expr, Matcher, Selector, equal, escape_regex, or_zero, rate, ratio, sum_by, union
from observe.signals import service_labels
from observe.signals.requests import FAULTS

if TYPE_CHECKING:
    from observe.model import Mesh, Service

WINDOW: Final = "$__rate_interval"
"""At least four scrapes, and as long as a step of the graph: nothing between two points is left out."""

CALLER: Final = ("source_workload_namespace", "source_workload")
CALLEE: Final = naming.SERVICE_LABELS

Reports: TypeAlias = tuple[tuple[Matcher, ...], ...]
"""Sets of matchers that together select every request once."""


def received(mesh: Mesh, service: Service) -> Reports:
    """Requests to a service, each counted once."""
    return tuple((*seen, *equal(service_labels(service))) for seen in telemetry.vantage(mesh))


def sent(mesh: Mesh, service: Service) -> Reports:
    """Requests that a service sends. Its workload is taken to have the Service's name.

    The vantage's other sets are for callers without a proxy, so they say nothing of a named caller.
    """
    caller = equal(dict(zip(CALLER, (service.namespace, service.name), strict=True)))
    return ((*telemetry.vantage(mesh)[0], *caller),)


def connections(mesh: Mesh, service: Service) -> Reports:
    """TCP connections to a service, each counted once; ztunnel reports them where no waypoint does."""
    if mesh.data_plane == "ambient":
        return ((telemetry.receiver(mesh), *equal(service_labels(service))),)
    return received(mesh, service)


def per_second(reports: Reports, by: tuple[str, ...], *only: Matcher, metric: str = telemetry.REQUESTS) -> Expr:
    """Requests per second, split by labels."""
    return sum_by(by, union(*(rate(Selector(metric, (*seen, *only)), WINDOW) for seen in reports)))


def failed_share(reports: Reports, by: tuple[str, ...]) -> Expr:
    """Share of requests that fail, by the same kinds of failure as the error rate's."""
    failed = [rate(Selector(telemetry.REQUESTS, (*seen, *fault)), WINDOW) for seen in reports for fault in FAULTS]
    whole = per_second(reports, by)
    return ratio(or_zero(sum_by(by, union(*failed)), whole), whole)


def retries(mesh: Mesh, service: Service) -> Expr:
    """Retries per second of requests to a service, by all callers together."""
    host = escape_regex(naming.host_of(mesh, service))
    cluster = Matcher("cluster_name", "=~", rf"(outbound|inbound-vip)\|[0-9]+\|[^|]*\|{host}")
    return sum_by((), rate(Selector(telemetry.RETRIES, (cluster,)), WINDOW))
