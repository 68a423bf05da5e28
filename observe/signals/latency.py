"""How long requests take, all tries included, as the caller sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe import telemetry
from observe.naming import SERVICE_LABELS, quantile_name, record
from observe.promql import Binary, Expr, Matcher, Selector, escape_regex, quantile, rate, ratio, sum_by, union
from observe.signals.signal import Signal

if TYPE_CHECKING:
    from observe.model import Mesh, Service


def duration_buckets(mesh: Mesh, window: str) -> Signal:
    """Requests per second up to each bucket's limit: what quantiles are made of."""
    counted = [
        rate(Selector(telemetry.DURATION_BUCKET, (*seen, telemetry.NO_SERVICE)), window)
        for seen in telemetry.vantage(mesh)
    ]
    return Signal(
        id=f"duration-buckets-{window}",
        title="Request duration",
        unit="requests/s",
        description="Requests per second by duration, in milliseconds.",
        record=record("service", "istio_request_duration_milliseconds_bucket", f"rate{window}"),
        measure=sum_by((*SERVICE_LABELS, "le"), union(*counted)),
        labels=(*SERVICE_LABELS, "le"),
    )


def latency(mesh: Mesh, window: str, share: float) -> Signal:
    """The duration that `share` of the requests stay below."""
    name = quantile_name(share)
    return Signal(
        id=f"latency-{name}-{window}",
        title=f"{name.upper().replace('_', '.')} latency",
        unit="milliseconds",
        description=(
            f"{share * 100:.6g} % of the requests are faster than this, as the caller's proxy measures it: all tries "
            f"and their waits included. {_precision(mesh)}"
        ),
        record=record("service", "istio_request_duration_milliseconds", f"{name}_rate{window}"),
        measure=quantile(share, duration_buckets(mesh, window).where()),
    )


def timed(mesh: Mesh, window: str) -> Signal:
    """Requests that were completed, so that they have a duration."""
    buckets = duration_buckets(mesh, window)
    return Signal(
        id=f"timed-{window}",
        title="Completed requests",
        unit="requests/s",
        description="Requests per second that were completed: what shares of slow requests are shares of.",
        record=record("service", "istio_requests_timed", f"rate{window}"),
        measure=sum_by(SERVICE_LABELS, buckets.where((Matcher("le", "=", "+Inf"),))),
    )


def slow(window: str) -> Signal:
    """Requests slower than the service's own objective; each service has a rule of its own for it (`slower_than`)."""
    return Signal(
        id=f"slow-{window}",
        title="Slow requests",
        unit="requests/s",
        description="Requests per second that took longer than the service's latency objective.",
        record=record("service", "istio_requests_slow", f"rate{window}"),
        measure=None,
    )


def slow_ratio(mesh: Mesh, window: str) -> Signal:
    """The share of requests slower than the service's own objective."""
    return Signal(
        id=f"slow-ratio-{window}",
        title="Share of slow requests",
        unit="ratio",
        description="Share of completed requests that took longer than the service's latency objective.",
        record=record("service", "istio_requests_slow", f"ratio_rate{window}"),
        measure=ratio(slow(window).where(), timed(mesh, window).where()),
    )


def slower_than(mesh: Mesh, window: str, service: Service) -> Expr:
    """The slow requests of one service: all but those in the bucket of its objective."""
    buckets = duration_buckets(mesh, window)
    within = bucket_of(mesh, service.objectives.latency.limit)
    counted = sum_by(SERVICE_LABELS, buckets.of(service).where(at_limit(within)))
    whole = sum_by(SERVICE_LABELS, buckets.of(service).where(Matcher("le", "=", "+Inf")))
    return Binary("-", whole, counted)


def bucket_of(mesh: Mesh, limit: int) -> float:
    """The limit of the bucket that an objective is measured by, in milliseconds: the objective itself where proxies
    have the generated buckets, else the next one above, so that no request that is good is called slow.
    """
    if telemetry.buckets_at_objectives(mesh):
        return limit
    return next((bucket for bucket in telemetry.BUCKETS if bucket >= limit), telemetry.BUCKETS[-1])


def at_limit(limit: float) -> Matcher:
    """A bucket by its limit, however Prometheus wrote it: 3.x makes a float of `1000` (`1000.0`), 2.x does not."""
    return Matcher("le", "=~", rf"{escape_regex(f'{limit:.12g}')}(\.0)?")


def _precision(mesh: Mesh) -> str:
    if telemetry.buckets_at_objectives(mesh):
        return "Exact at the limits of buckets, which the objectives are; interpolated between."
    return "Interpolated between the limits of Istio's buckets."
