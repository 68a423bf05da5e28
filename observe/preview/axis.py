"""The axes of a graph: their range, and marks in the panel's unit."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any, Final

from observe.preview import colours
from observe.preview.units import LONG_YEAR, YEAR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from observe.preview.fields import Look
    from observe.preview.time_range import TimeRange

PADDING: Final = 0.1
"""Of the range, above and below the data, where no limit of the axis is set (uPlot `rangeNum`)."""
MARKS: Final = 5
"""About so many on the axis of values."""
ROUND: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
WHOLE: Final = (1.0, 2.0, 5.0, 10.0)
DAY: Final = 86400.0
COUNTED: Final = frozenset({"short", "none", ""})
"""Units of things that come whole."""
TIME_UNITS: Final = {"s": 1.0, "ms": 0.001, "µs": 1e-6}
ROUND_TIMES: Final = (60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800)
WEEKS: Final = (2, 4, 13, 26)
WEEK: Final = 604800.0
YEARS: Final = {"s": LONG_YEAR, "ms": YEAR, "µs": LONG_YEAR}
"""What Grafana takes for a year, in seconds: not the same in all units."""


def values(look: Look, shown: Iterable[float]) -> dict[str, Any]:
    """The axis of values for the values that are shown."""
    low, high = limits(look, [value for value in shown if math.isfinite(value)])
    base: dict[str, Any] = {
        "fixedrange": True,
        "gridcolor": colours.GRID,
        "zeroline": False,
        "automargin": True,
        "ticklabelstandoff": 6,
    }
    label = str(look.get("custom.axisLabel", ""))
    if label:
        base["title"] = {"text": escape(label, quote=False), "standoff": 8}
    scale = look.get("custom.scaleDistribution", {})
    if isinstance(scale, dict) and scale.get("type") == "log" and high > 0:
        smallest = min((value for value in shown if value > 0), default=high / 10)
        return (
            base | {"type": "log", "range": [math.log10(smallest), math.log10(high)]} | _log_marks(look, smallest, high)
        )
    ticks = marks(low, high, look.unit)
    return base | {"range": [low, high], "tickvals": ticks, "ticktext": labels(look, ticks)}


def limits(look: Look, shown: list[float]) -> tuple[float, float]:
    """Lowest and highest value of the axis: hard limits, else the data with the soft limits and some air."""
    soft = [
        float(look.get(f"custom.axisSoft{name}"))
        for name in ("Min", "Max")
        if look.get(f"custom.axisSoft{name}") is not None
    ]
    hard_low, hard_high = look.get("min"), look.get("max")
    known = [float(value) for value in (hard_low, hard_high) if value is not None]
    every = [*shown, *soft, *known] or [0.0]
    low, high = min(every), max(every)
    air = PADDING * (high - low)
    if hard_low is not None:
        low = float(hard_low)
    elif low not in soft:
        low = 0.0 if 0 <= low <= air else low - air
    if hard_high is not None:
        high = float(hard_high)
    elif high not in soft or max(shown, default=high) >= high:
        high += air
    return (low, high) if high > low else (low, low + (abs(low) or 1.0))


def marks(low: float, high: float, unit: str) -> list[float]:
    """Round numbers between the ends: round as people count in that unit."""
    whole = unit in COUNTED and high - low >= 1
    step = _step((high - low) / MARKS, unit, WHOLE if whole else ROUND)
    if whole:
        step = max(step, 1.0)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 12) + 0.0 for number in range(first, last + 1)]


def _step(wanted: float, unit: str, factors: tuple[float, ...]) -> float:
    if unit in TIME_UNITS and wanted * TIME_UNITS[unit] > ROUND_TIMES[0] / 2:
        return _time_step(wanted * TIME_UNITS[unit], YEARS[unit]) / TIME_UNITS[unit]
    base = 2.0 if unit in ("bytes", "bits", "binBps", "binbps") and wanted >= 1 else 10.0
    if base == 2.0:
        return 2.0 ** math.ceil(math.log2(wanted))
    power = 10.0 ** math.floor(math.log10(wanted))
    factor = next((one for one in factors if one * power >= wanted * (1 - 1e-9)), factors[-1])
    return factor * power


def _time_step(wanted: float, year: float) -> float:
    """In seconds, which people count in hours, days, weeks and years."""
    known = (*ROUND_TIMES, *(weeks * WEEK for weeks in WEEKS))
    return next((step for step in known if step >= wanted), None) or year * max(_step(wanted / year, "", WHOLE), 1.0)


def labels(look: Look, ticks: Iterable[float]) -> list[str]:
    """The marks in the panel's unit; those of the same size (`ms`, `s`) with as few decimals as tell them apart."""
    every = list(ticks)
    set_, needed = look.get("decimals"), dict[str, int]()
    for tick in every:
        precise = look.write(tick, 6)
        decimals = len(precise.number.partition(".")[2].rstrip("0"))
        needed[precise.suffix] = max(decimals, needed.get(precise.suffix, 0))
    if isinstance(set_, int):
        needed = dict.fromkeys(needed, set_)
    return [escape(str(look.write(tick, needed[look.write(tick, 6).suffix])), quote=False) for tick in every]


def _log_marks(look: Look, low: float, high: float) -> dict[str, Any]:
    powers = [10.0**power for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
    return {"tickvals": powers, "ticktext": [escape(str(look.write(power)), quote=False) for power in powers]}


def time(range_: TimeRange, columns: int) -> dict[str, Any]:
    """The axis of time, in UTC, for a panel of so many columns of the grid."""
    return {
        "type": "date",
        "range": [range_.start * 1000, range_.end * 1000],
        "fixedrange": True,
        "gridcolor": colours.GRID,
        "nticks": max(columns, 3),
        "ticklabelstandoff": 4,
        "tickformat": "%H:%M" if range_.length <= DAY else "%m/%d %H:%M",
        "hoverformat": "%Y-%m-%d %H:%M:%S",
        "showspikes": True,
        "spikemode": "across",
        "spikethickness": 1,
        "spikecolor": colours.FAINT,
        "spikedash": "dash",
    }


LAYOUT: Final[dict[str, Any]] = {
    "paper_bgcolor": colours.UNDRAWN,
    "plot_bgcolor": colours.UNDRAWN,
    "font": {"color": colours.TEXT, "size": 12, "family": "Inter, Helvetica, Arial, sans-serif"},
    "margin": {"l": 8, "r": 12, "t": 8, "b": 24},
    "showlegend": False,
    "hovermode": "x unified",
    "hoverlabel": {
        "bgcolor": "#22252b",
        "bordercolor": "rgba(204,204,220,0.2)",
        "font": {"color": colours.TEXT, "size": 12},
    },
    "dragmode": False,
}
"""What all graphs have in common. Frozen by custom only: copy it."""
