"""Heatmaps of histograms: how many fell into each bucket, step by step."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any, Final

from observe.clients.prometheus import Range
from observe.preview import axis
from observe.preview.drawn import Drawn, Figure, message, significant
from observe.preview.fields import Look
from observe.preview.units import written

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from observe.preview.dashboard import Panel
    from observe.preview.results import Result
    from observe.preview.time_range import TimeRange

SCHEMES: Final = {
    "Oranges": ("#fff5eb", "#fee6ce", "#fdd0a2", "#fdae6b", "#fd8d3c", "#f16913", "#d94801", "#a63603", "#7f2704"),
    "Blues": ("#f7fbff", "#deebf7", "#c6dbef", "#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08519c", "#08306b"),
    "Greens": ("#f7fcf5", "#e5f5e0", "#c7e9c0", "#a1d99b", "#74c476", "#41ab5d", "#238b45", "#006d2c", "#00441b"),
    "Reds": ("#fff5f0", "#fee0d2", "#fcbba1", "#fc9272", "#fb6a4a", "#ef3b2c", "#cb181d", "#a50f15", "#67000d"),
    "YlOrRd": ("#ffffcc", "#ffeda0", "#fed976", "#feb24c", "#fd8d3c", "#fc4e2a", "#e31a1c", "#bd0026", "#800026"),
    "Spectral": (
        "#9e0142",
        "#d53e4f",
        "#f46d43",
        "#fdae61",
        "#fee08b",
        "#ffffbf",
        "#e6f598",
        "#abdda4",
        "#66c2a5",
        "#3288bd",
        "#5e4fa2",
    ),
}
"""From d3-scale-chromatic, which has them from ColorBrewer. Grafana turns these round in its dark theme, so that
few are dark and many are light (grafana `palettes.ts`).
"""
DEFAULT_SCHEME: Final = "Oranges"

Buckets = dict[float, list[float | None]]
"""The upper limit of each bucket with what fell into it, step by step."""


def draw(panel: Panel, results: Iterable[Result], range_: TimeRange) -> Drawn:
    """The panel, or its `noValue` where no query gave buckets."""
    answered = [result for result in results if result.answer.series]
    if not answered:
        return message(panel.no_value)
    first = answered[0]
    if panel.options.get("calculate") or first.target.format != "heatmap" or not isinstance(first.question, Range):
        return Drawn(
            '<p class="nothing">Not drawn: only ranges of Prometheus histograms, in the format heatmap, are.</p>',
            notes=("heatmaps that Grafana calculates from values",),
        )
    counted = buckets(first)
    notes: tuple[str, ...] = ("the other queries of this heatmap",) if len(answered) > 1 else ()
    scheme = str(_options(panel, "color").get("scheme") or DEFAULT_SCHEME)
    if scheme not in SCHEMES:
        notes += (f"the colour scheme {scheme}: {DEFAULT_SCHEME} stands for it",)
    if not counted:
        return message("The query gives series without the label le: they are no buckets.")
    return Drawn(
        figure=_figure(panel, first.question, counted, range_, SCHEMES.get(scheme, SCHEMES[DEFAULT_SCHEME])),
        summary=f"Heatmap of {len(counted)} buckets over time, up to {_limit(panel, max(counted))}.",
        notes=notes,
    )


def buckets(result: Result) -> Buckets:
    """What fell into each bucket alone: Prometheus' buckets hold all that is below their limit."""
    question = result.question
    if not isinstance(question, Range):
        return {}
    steps = round((question.end - question.start) / question.step) + 1
    cumulative: Buckets = {}
    for series in result.answer.series:
        limit = _number(series.label("le"))
        if limit is not None:
            row = cumulative.setdefault(limit, [None] * steps)
            for time, value in series.points:
                row[round((time - question.start) / question.step)] = value
    alone: Buckets = {}
    below: list[float | None] = [0.0] * steps
    for limit in sorted(cumulative):
        row = cumulative[limit]
        alone[limit] = [_difference(value, under) for value, under in zip(row, below, strict=True)]
        below = [under if value is None else value for value, under in zip(row, below, strict=True)]
    return alone


def _number(limit: str) -> float | None:
    try:
        return float(limit)
    except ValueError:
        return None


def _difference(value: float | None, under: float | None) -> float | None:
    """None without a sample. Rates of neighbouring buckets are not taken at the same instant: never below zero."""
    if value is None or not math.isfinite(value):
        return None
    return max(0.0, value - (under or 0.0))


def _figure(panel: Panel, question: Range, counted: Buckets, range_: TimeRange, scheme: tuple[str, ...]) -> Figure:
    color, least = _options(panel, "color"), _options(panel, "filterValues").get("le")
    least = float(least) if isinstance(least, int | float) else 1e-9
    ramp = scheme if color.get("reverse") else tuple(reversed(scheme))
    rows = [
        [None if value is None or value <= least else significant(value) for value in row] for row in counted.values()
    ]
    names = [escape(_limit(panel, limit), quote=False) for limit in counted]
    legend = _options(panel, "legend")
    most = max((value for row in rows for value in row if value is not None), default=1.0)
    low, high = float(color.get("min") or 0), float(color.get("max") or most)
    trace = {
        "type": "heatmap",
        "x0": round(question.start * 1000),
        "dx": round(question.step * 1000),
        "z": rows,
        "y": names,
        "colorscale": [[place / (len(ramp) - 1), tint] for place, tint in enumerate(ramp)],
        "zmin": low,
        "zmax": high,
        "showscale": bool(legend.get("show", legend.get("showLegend", True))),
        "colorbar": _scale(panel, low, high),
        "ygap": 1,
        "hoverongaps": False,
        "hovertemplate": "%{x|%H:%M:%S}: %{z:.4~g} in the bucket %{y}<extra></extra>",
    }
    label = str(_options(panel, "yAxis").get("axisLabel") or "")
    layout = axis.LAYOUT | {
        "hovermode": "closest",
        "xaxis": axis.time(range_, panel.place.width) | {"showspikes": False, "showgrid": False},
        "yaxis": {
            "fixedrange": True,
            "automargin": True,
            "showgrid": False,
            "zeroline": False,
            "type": "category",
            "tickvals": [names[place] for place in _every(len(names))],
            **({"title": {"text": escape(label, quote=False)}} if label else {}),
        },
    }
    return {"data": [trace], "layout": layout}


def _scale(panel: Panel, low: float, high: float) -> dict[str, Any]:
    """The bar that says what the colours mean, in the unit of the cells."""
    unit = str(_options(panel, "cellValues").get("unit") or "")
    ticks = axis.marks(low, high, unit)
    texts = axis.labels(Look({"unit": unit}), ticks)
    bar = {"thickness": 10, "outlinewidth": 0, "len": 1, "tickfont": {"size": 11}, "ticks": ""}
    return bar | {"tickvals": ticks, "ticktext": texts}


def _every(count: int) -> list[int]:
    """The buckets that are named: all of a few, every second or third of many, always the highest."""
    stride = max(1, math.ceil(count / 12))
    return sorted({count - 1 - place for place in range(0, count, stride)})


def _limit(panel: Panel, limit: float) -> str:
    """A bucket's name: what is in it is at most this."""
    if limit == math.inf:
        return "+Inf"
    y_axis = _options(panel, "yAxis")
    unit = y_axis.get("unit") or panel.defaults.get("unit") or ""
    decimals = y_axis.get("decimals")
    return f"≤ {written(limit, str(unit), decimals if isinstance(decimals, int) else None)}"


def _options(panel: Panel, name: str) -> Mapping[str, Any]:
    found = panel.options.get(name)
    return found if isinstance(found, dict) else {}
