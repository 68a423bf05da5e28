"""Telemetry as a file that `promtool tsdb create-blocks-from openmetrics` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.simulation.notation import number

if TYPE_CHECKING:
    from observe.simulation import Telemetry


def openmetrics(telemetry: Telemetry, start: int) -> str:
    """The first scrape is at `start`, in seconds since 1970.

    The format has no stale markers, so in blocks a series that vanished is still found for as long as Prometheus looks
    back (five minutes). Types are left out: Envoy's counters lack the `_total` that OpenMetrics wants of one, and
    blocks do not keep them.
    """
    lines = [
        f"{series} {number(value)} {start + index * telemetry.step}"
        for series in telemetry.series
        for index, value in enumerate(series.values)
        if value is not None
    ]
    return "\n".join([*lines, "# EOF", ""])
