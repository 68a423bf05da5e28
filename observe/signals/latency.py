"""How long requests take, all tries included, as the caller sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe import telemetry
from observe.naming import SERVICE_LABELS, quantile_name, record
from observe.promql import Selector, quantile, rate, sum_by, union
from observe.signals.signal import Signal

if TYPE_CHECKING:
    from observe.model import Mesh


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


def _precision(mesh: Mesh) -> str:
    if telemetry.buckets_at_objectives(mesh):
        return "Exact at the limits of buckets, which the objectives are; interpolated between."
    return "Interpolated between the limits of Istio's buckets."
