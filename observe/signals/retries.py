"""Tries after the first: load that nobody asked for, and whether it helps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from observe import telemetry
from observe.naming import SERVICE_LABELS, record
from observe.promql import Selector, rate, ratio, sum_by
from observe.signals.breaker import by_service, to_services
from observe.signals.signal import NOT_REPORTED, Signal

if TYPE_CHECKING:
    from observe.model import Mesh
    from observe.signals.requests import Requests


@dataclass(frozen=True, slots=True)
class Retries:
    """Retries by service, of all callers' proxies together."""

    rate: Signal
    succeeded: Signal
    exhausted: Signal
    share: Signal
    """Retries for each request."""


def retries(mesh: Mesh, window: str, requests: Requests) -> Retries:
    """Retries over the window."""

    def counted(id_: str, metric: str, title: str, description: str) -> Signal:
        series = rate(Selector(metric, (to_services(mesh),)), window)
        return Signal(
            id=f"{id_}-{window}",
            title=title,
            unit="per second",
            description=description,
            record=record("service", metric, f"rate{window}"),
            measure=sum_by(SERVICE_LABELS, by_service(mesh, series)),
            needs_stats=(metric,),
            absent=NOT_REPORTED,
        )

    tries = counted(
        "retries",
        telemetry.RETRIES,
        "Retries",
        "Tries after the first one, by all callers' proxies together. They are load that nobody asked for.",
    )
    succeeded = counted(
        "retries-succeeded", telemetry.RETRIES_SUCCEEDED, "Retries that succeeded", "Requests that a retry saved."
    )
    exhausted = counted(
        "retries-exhausted",
        telemetry.RETRIES_EXHAUSTED,
        "Requests out of retries",
        "Requests that failed although all their retries were used.",
    )
    share = Signal(
        id=f"retry-ratio-{window}",
        title="Retries per request",
        unit="ratio",
        description="Retries for each request that callers made: 100 % doubles the load.",
        record=record("service", telemetry.RETRIES, f"ratio_rate{window}"),
        measure=ratio(tries.where(), requests.rate.where()),
        needs_stats=(telemetry.RETRIES,),
        absent=NOT_REPORTED,
    )
    return Retries(tries, succeeded, exhausted, share)
