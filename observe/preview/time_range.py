"""The time that is shown, and how finely: steps and intervals as Grafana chooses them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
"""Seconds in the units that Prometheus and Grafana write durations with."""
SCRAPE_INTERVAL: Final = 15.0
"""What Grafana takes for a query without a least step: its default for data sources."""
MOST_POINTS: Final = 11_000
"""Prometheus refuses a range query with more points per series."""

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdwy])")
_STEPS: Final = (
    *((10, 1), (15, 10), (35, 20), (75, 50), (150, 100), (350, 200), (750, 500)),
    *((1_500, 1_000), (3_500, 2_000), (7_500, 5_000), (12_500, 10_000), (17_500, 15_000), (25_000, 20_000)),
    *((45_000, 30_000), (90_000, 60_000), (210_000, 120_000), (450_000, 300_000), (750_000, 600_000)),
    *((1_050_000, 900_000), (1_500_000, 1_200_000), (2_700_000, 1_800_000), (5_400_000, 3_600_000)),
    *((9_000_000, 7_200_000), (16_200_000, 10_800_000), (32_400_000, 21_600_000), (86_400_000, 43_200_000)),
    *((604_800_000, 86_400_000), (1_814_400_000, 604_800_000), (3_628_800_000, 2_592_000_000)),
)
"""Milliseconds: intervals shorter than the first become the second (grafana `rangeutil.roundInterval`)."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From `end - length` to `end`, in seconds since 1970."""

    end: float
    length: float

    @property
    def start(self) -> float:
        return self.end - self.length


@dataclass(frozen=True, slots=True)
class Resolution:
    """How finely a query looks, in seconds."""

    step: float
    rate_interval: float
    """`$__rate_interval`: wide enough that every window holds two samples, also when one scrape is missed."""


def resolution(length: float, points: int, least: float | None) -> Resolution:
    """For a range of so many seconds on so many pixels, with the query's least step (grafana
    `calculatePrometheusInterval`, `calculateRateInterval`).
    """
    scrape = least or SCRAPE_INTERVAL
    wanted = max(_rounded(length / max(points, 1)), scrape)
    step = max(wanted, float(math.ceil(length / (MOST_POINTS - 1))))
    return Resolution(step, max(step + scrape, 4 * scrape))


def aligned(time: float, step: float) -> float:
    """The last multiple of the step: a page that is drawn a moment later asks for the same points."""
    return math.floor(time / step) * step


def seconds(duration: str) -> float | None:
    """`90s`, `1h30m`, or `>15s`, as Grafana writes least steps; a bare number is seconds; None for anything else."""
    text = duration.strip().removeprefix(">")
    parts = _DURATION.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return math.fsum(float(number) * UNITS[unit] for number, unit in parts)
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None


def duration(length: float) -> str:
    """Seconds as PromQL takes them: whole seconds as `90s`, others as `1500ms`."""
    return f"{length:.0f}s" if length == int(length) else f"{length * 1000:.0f}ms"


def _rounded(interval: float) -> float:
    """An interval that people read easily, near the one that was worked out."""
    milliseconds = interval * 1000
    return next((step for bound, step in _STEPS if milliseconds < bound), 31_536_000_000) / 1000
