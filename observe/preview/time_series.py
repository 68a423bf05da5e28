"""Time series: lines, bars or points over time, with thresholds across and a legend in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final

from observe.clients.prometheus import Range
from observe.preview import axis, colours
from observe.preview.drawn import Drawn, Figure, message, significant
from observe.preview.fields import Look, look
from observe.preview.results import CALCULATIONS, reduced

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from observe.clients.prometheus import Series
    from observe.preview.dashboard import Panel
    from observe.preview.events import Event
    from observe.preview.results import Result
    from observe.preview.time_range import TimeRange

SHAPES: Final = {"linear": "linear", "smooth": "spline", "stepBefore": "vh", "stepAfter": "hv"}
DASHES: Final = {"solid": "solid", "dash": "dash", "dot": "dot"}
POINT: Final = 5
"""Pixels: how large a sample without neighbours is drawn. As a line it would not be seen at all."""


@dataclass(frozen=True, slots=True)
class Line:
    """One series, on the grid of its query."""

    name: str
    colour: str
    look: Look
    question: Range
    values: tuple[float | None, ...]
    """One for each step; None where the series has no sample."""

    @property
    def finite(self) -> tuple[float, ...]:
        return tuple(value for value in self.values if value is not None and math.isfinite(value))

    @property
    def dash(self) -> str:
        """`solid`, `dash` or `dot`."""
        style = self.look.get("custom.lineStyle", {})
        return DASHES.get(str(style.get("fill", "solid")) if isinstance(style, dict) else "solid", "solid")

    @property
    def alone(self) -> tuple[bool, ...]:
        """Which samples have no neighbour."""
        padded = (None, *self.values, None)
        return tuple(
            value is not None and padded[place] is None and padded[place + 2] is None
            for place, value in enumerate(self.values)
        )


def draw(panel: Panel, results: Iterable[Result], range_: TimeRange, events: Iterable[Event] = ()) -> Drawn:
    """The panel, or its `noValue` where no query gave a series."""
    lines = tuple(_lines(panel, results))
    if not lines:
        return message(panel.no_value)
    return Drawn(
        body=_legend(panel, lines),
        figure=_figure(panel, lines, range_, tuple(events)),
        summary=f"Graph of {len(lines)} series over time; the legend has their names and values.",
        beside=_legend_options(panel).get("placement") == "right",
    )


def _lines(panel: Panel, results: Iterable[Result]) -> Iterator[Line]:
    place = 0
    for result in results:
        for series in result.answer.series:
            name = result.name(series)
            own = look(panel, name, result.target.ref)
            if _hidden(own):
                continue
            question, values = _on_grid(result, series)
            shown = str(own.get("displayName", name))
            yield Line(shown, own.fixed_colour or colours.of_series(place), own, question, values)
            place += 1


def _hidden(own: Look) -> bool:
    hide = own.get("custom.hideFrom", {})
    return bool(isinstance(hide, dict) and hide.get("viz"))


def _on_grid(result: Result, series: Series) -> tuple[Range, tuple[float | None, ...]]:
    """The values at every step. An instant query gives a single one."""
    question = result.question
    if not isinstance(question, Range):
        ((at, value),) = series.points[-1:] or ((question.at, math.nan),)
        return Range(question.expr, at, at, 1), (value,)
    steps = round((question.end - question.start) / question.step) + 1
    values: list[float | None] = [None] * steps
    for time, value in series.points:
        values[round((time - question.start) / question.step)] = value
    return question, tuple(values)


def _figure(panel: Panel, lines: tuple[Line, ...], range_: TimeRange, events: tuple[Event, ...]) -> Figure:
    panel_look = look(panel, "")
    y_axis = axis.values(panel_look, _heights(lines))
    if _stacking(panel_look) == "percent":
        y_axis |= {"range": [0, 100], "tickvals": [0, 25, 50, 75, 100], "ticktext": ["0%", "25%", "50%", "75%", "100%"]}
    data = [_trace(line) for line in lines]
    layout = axis.LAYOUT | {
        "xaxis": axis.time(range_, panel.place.width),
        "yaxis": y_axis,
        "shapes": [*_thresholds(panel_look, y_axis), *(shape for event in events for shape in event.shapes)],
    }
    if events:
        data.append(_markers(events))
        layout["yaxis2"] = {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True}
    return {"data": data, "layout": layout}


def _stacking(own: Look) -> str:
    """`none`, `normal` or `percent`: single lines may stand apart from the stack."""
    stacking = own.get("custom.stacking", {})
    return str(stacking.get("mode", "none")) if isinstance(stacking, dict) else "none"


def _heights(lines: tuple[Line, ...]) -> list[float]:
    """The values that the axis must hold: of stacked series their sums."""
    single = [value for line in lines if _stacking(line.look) == "none" for value in line.finite]
    sums: dict[int, float] = {}
    for line in lines:
        if _stacking(line.look) == "normal":
            for place, value in enumerate(line.values):
                if value is not None and math.isfinite(value):
                    sums[place] = sums.get(place, 0.0) + value
    return [*single, 0.0, *sums.values()] if sums else single


def _trace(line: Line) -> dict[str, Any]:
    """One series for plotly. Its times are a start and a step: written out they would be most of the page."""
    values = [significant(value) if value is not None and math.isfinite(value) else None for value in line.values]
    style, opacity = line.look.get("custom.drawStyle", "line"), float(line.look.get("custom.fillOpacity", 0)) / 100
    width, stacked = float(line.look.get("custom.lineWidth", 1)), _stacking(line.look)
    trace: dict[str, Any] = {
        "type": "bar" if style == "bars" else "scatter",
        "name": escape(line.name, quote=False),
        "x0": round(line.question.start * 1000),
        "dx": round(line.question.step * 1000),
        "y": values,
        "hovertemplate": hover(line.look.unit),
    }
    if style == "bars":
        fill = colours.faded(line.colour, max(opacity, 0.2))
        return trace | {"marker": {"color": fill, "line": {"color": line.colour, "width": width}}}
    trace["mode"] = "markers" if style == "points" else "lines"
    trace["line"] = {
        "color": line.colour,
        "width": width,
        "shape": SHAPES.get(str(line.look.get("custom.lineInterpolation", "linear")), "linear"),
        "dash": line.dash,
    }
    trace["connectgaps"] = line.look.get("custom.spanNulls") is True
    if opacity > 0 and style == "line":
        trace |= {"fill": "tozeroy", "fillcolor": colours.faded(line.colour, opacity)}
    if stacked != "none":
        trace |= {"stackgroup": "A", "fill": "tonexty", "fillcolor": colours.faded(line.colour, opacity)}
        trace |= {"groupnorm": "percent"} if stacked == "percent" else {}
    return trace | _points(line)


def _points(line: Line) -> dict[str, Any]:
    """Points on the line: all, where that is asked for, else those that have no line."""
    size = float(line.look.get("custom.pointSize", POINT))
    if line.look.get("custom.drawStyle") == "points":
        return {"marker": {"color": line.colour, "size": size}}
    if line.look.get("custom.showPoints") == "always":
        return {"mode": "lines+markers", "marker": {"color": line.colour, "size": size}}
    alone = line.alone
    if any(alone):
        return {
            "mode": "lines+markers",
            "marker": {"color": line.colour, "size": [POINT if one else 0 for one in alone]},
        }
    return {}


def hover(unit: str) -> str:
    """How a value is written beside the pointer: in the unit itself, not in its thousands."""
    if unit == "percentunit":
        return "%{y:.3~%}"
    plain = unit.removeprefix("count:").removeprefix("suffix:")
    symbol = {"reqps": " req/s", "cps": " c/s", "percent": "%", "bytes": " B", "short": "", "none": "", "": ""}
    return f"%{{y:.4~g}}{escape(symbol.get(unit, f' {plain}'), quote=False).replace('%{', '')}"


def _thresholds(panel_look: Look, y_axis: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Lines across and areas, as `thresholdsStyle` asks; each step holds from its value to the next one."""
    style = panel_look.get("custom.thresholdsStyle", {})
    mode = str(style.get("mode", "off")) if isinstance(style, dict) else "off"
    steps = list(panel_look.thresholds.get("steps") or ())
    if "area" in mode:
        low, high = y_axis["range"]
        bounds = [low, *(step["value"] for step in steps[1:]), high]
        for step, bottom, top in zip(steps, bounds, bounds[1:], strict=False):
            if step.get("color") != "transparent":
                tint = colours.faded(colours.colour(str(step.get("color"))), 0.15)
                yield _across(max(bottom, low), min(top, high)) | {
                    "type": "rect",
                    "fillcolor": tint,
                    "line": {"width": 0},
                    "layer": "below",
                }
    if "line" in mode or "dashed" in mode:
        for step in steps[1:]:
            tint = colours.faded(colours.colour(str(step.get("color"))), 0.7)
            dash = "dash" if "dashed" in mode else "solid"
            yield _across(step["value"], step["value"]) | {
                "type": "line",
                "line": {"color": tint, "width": 2, "dash": dash},
            }


def _across(bottom: float, top: float) -> dict[str, Any]:
    return {"xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": bottom, "y1": top}


def _markers(events: tuple[Event, ...]) -> dict[str, Any]:
    """A mark below each event, with its text beside the pointer."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "",
        "x": [event.start * 1000 for event in events],
        "y": [0] * len(events),
        "yaxis": "y2",
        "marker": {"symbol": "triangle-up", "size": 9, "color": [event.colour for event in events]},
        "cliponaxis": False,
        "text": [escape(event.text, quote=False) for event in events],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _legend_options(panel: Panel) -> Mapping[str, Any]:
    found = panel.options.get("legend")
    return found if isinstance(found, dict) else {}


def _legend(panel: Panel, lines: tuple[Line, ...]) -> str:
    """Names, colours, and the numbers that `calcs` names: a table, which can be read without the graph."""
    options = _legend_options(panel)
    if options.get("showLegend") is False or options.get("displayMode") == "hidden":
        return ""
    calcs = [calc for calc in options.get("calcs") or () if calc in CALCULATIONS]
    shown = [line for line in lines if not _left_out(line.look)]
    if options.get("displayMode") != "table":
        items = "".join(f"<li>{_named(line)} {escape(_numbers(line, calcs))}</li>" for line in shown)
        return f'<ul class="legend">{items}</ul>'
    heads = "".join(f'<th scope="col" class="number">{escape(CALCULATIONS[calc][0])}</th>' for calc in calcs)
    rows = "".join(f"<tr><td>{_named(line)}</td>{_cells(line, calcs)}</tr>" for line in _sorted(shown, options))
    return (
        f'<table class="legend"><thead><tr><th scope="col">Name</th>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    )


def _left_out(own: Look) -> bool:
    hide = own.get("custom.hideFrom", {})
    return bool(isinstance(hide, dict) and hide.get("legend"))


def _named(line: Line) -> str:
    dashed = "" if line.dash == "solid" else f" {line.dash}"
    return f'<i class="line{dashed}" style="color:{escape(line.colour)}"></i>{escape(line.name)}'


def _calculated(line: Line, calc: str) -> str:
    value = reduced(line.values, calc)
    return "" if value is None else str(line.look.write(value))


def _cells(line: Line, calcs: list[str]) -> str:
    return "".join(f'<td class="number">{escape(_calculated(line, calc))}</td>' for calc in calcs)


def _numbers(line: Line, calcs: list[str]) -> str:
    return " ".join(f"{CALCULATIONS[calc][0]}: {_calculated(line, calc)}" for calc in calcs)


def _sorted(lines: list[Line], options: Mapping[str, Any]) -> list[Line]:
    """As the legend asks: by the heading of a calculation; otherwise in the order of the answers."""
    calc = next((key for key, (heading, _) in CALCULATIONS.items() if heading == options.get("sortBy")), None)
    if calc is None:
        return lines
    known = [(reduced(line.values, calc), line) for line in lines]
    return [
        line
        for value, line in sorted(
            known, key=lambda pair: -math.inf if pair[0] is None else pair[0], reverse=bool(options.get("sortDesc"))
        )
    ]
