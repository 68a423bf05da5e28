"""Panels as grafanalib's objects."""

from __future__ import annotations

from string import ascii_uppercase
from typing import TYPE_CHECKING, Any, Final

from grafanalib import core

from observe import naming
from observe.boards.panel import Column, Heatmap, Limit, Line, Measured, Row, Stat, Table, Text, TimeSeries
from observe.promql import SELECTING, Aggregation, sum_by
from observe.render.normalise import DATA_SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.boards.layout import Place
    from observe.boards.panel import DataLink, Query, State, Tone
    from observe.signals.signal import Unit

UNITS: Final[dict[Unit, str]] = {
    "requests/s": "reqps",
    "per second": "count:/s",
    "ratio": "percentunit",
    "milliseconds": "ms",
    "seconds": "s",
    "count": "short",
    "events": "locale",
    "bytes": "bytes",
    "bytes/s": "binBps",
    "cores": "suffix:cores",
}
"""Grafana's names. Bytes are counted in powers of two. A `suffix` stands behind the number and a blank, a `count` also
behind thousands (`1.2K /s`). What is counted one by one is written in full (`41,703`)."""
COLOURS: Final[dict[Tone, str]] = {"good": "green", "warning": "orange", "critical": "red", "neutral": "text"}
UNDRAWN: Final = "transparent"
NONE, FAINT, FULL = 0, 5, 40
"""How much of the area below a line is filled, in percent: of many, of a few, and of those on top of each other."""
LAST = "Last *"
"""What Grafana calls the calculation `lastNotNull` in legends."""


def panel(place: Place, least: str, version: int) -> core.Panel | dict[str, Any]:
    """A panel or a row's heading, with the id that links know it by.

    `least` is the shortest step of its queries, `version` the oldest Grafana that must show it.
    """
    item = place.item
    common = {
        "title": item.title,
        "id": naming.panel_id(item.key),
        "gridPos": core.GridPos(h=place.height, w=place.width, x=place.x, y=place.y),
    }
    match item:
        case Row():
            return core.RowPanel(**common, collapsed=item.collapsed)
        case Text():
            return core.Text(**common, content=item.content, mode=core.TEXT_MODE_MARKDOWN)
        case TimeSeries():
            return _time_series(item, common | _measured(item, least))
        case Heatmap():
            return _heatmap(item, common | _measured(item, least), version)
        case Stat():
            return _stat(item, common | _measured(item, least))
        case Table():
            return _table(item, common | _measured(item, least))
    raise TypeError(f"no such panel: {type(item).__name__}")


def _measured(panel: Measured, least: str) -> dict[str, Any]:
    """What all panels with data have."""
    return {
        "description": panel.description,
        "dataSource": DATA_SOURCE,
        "targets": [_target(query, panel, least) for query in panel.queries],
    }


def _target(query: Query, panel: Measured, least: str) -> core.Target:
    """A query. Grafana makes `$__rate_interval` from its least step, the scrape interval; without one it
    would take the data source's, which may be another mesh's.
    """
    return core.Target(
        expr=asked(panel, query),
        legendFormat=query.legend,
        interval=least,
        instant=isinstance(panel, Stat | Table),
        format=_format(panel),
        datasource=DATA_SOURCE,
    )


def asked(panel: Measured, query: Query) -> str:
    """The expression of a query.

    In a table the name of the metric must go: Grafana makes a column of it, and joins only those rows that agree in all
    columns, so that the values of two records would never meet (`result_transformer.ts`, `merge.ts`).
    """
    if not isinstance(panel, Table):
        return str(query.expr)
    keys, expr = tuple(key.label for key in panel.keys), query.expr
    named = isinstance(expr, Aggregation) and expr.operator not in SELECTING and set(expr.labels) == set(keys)
    return str(expr if named else sum_by(keys, expr))


def _format(panel: Measured) -> str:
    """What Grafana makes of the answer; for a heatmap it takes the differences of the cumulative buckets."""
    match panel:
        case Table():
            return "table"
        case Heatmap():
            return "heatmap"
    return "time_series"


def _time_series(panel: TimeSeries, common: dict[str, Any]) -> core.TimeSeries:
    # grafanalib takes whole numbers only here, and does not know `noValue` and `links`.
    many = any("{{" in query.legend for query in panel.queries)
    highest = panel.maximum or max((limit.threshold.value for limit in panel.limits), default=None)
    return core.TimeSeries(
        **common,
        unit=UNITS[panel.unit],
        valueDecimals=panel.decimals,
        stacking={"group": "A", "mode": "normal"} if panel.stacked else {},
        fillOpacity=FULL if panel.stacked else NONE if many else FAINT,
        showPoints="never",
        tooltipMode="multi",
        tooltipSort="desc",
        legendDisplayMode="table",
        legendPlacement=panel.legend,
        legendCalcs=["lastNotNull", "max"],
        thresholds=_line_steps(panel.limits),
        thresholdsStyleMode="dashed" if panel.limits else "off",
        overrides=list(_lines(panel)),
        extraJson={
            "fieldConfig": {
                "defaults": {
                    "noValue": panel.no_value,
                    "min": panel.minimum,
                    "max": panel.maximum,
                    "links": _data_links(panel.link),
                    "custom": {"axisSoftMax": highest or None},
                }
            },
            # Of twenty lines those matter that are highest now, and the legend shows three.
            "options": {"legend": {"sortBy": LAST, "sortDesc": not panel.lowest_first}} if many else {},
        },
    )


def _lines(panel: TimeSeries) -> Iterator[dict[str, Any]]:
    """The settings of single queries. The letter is the one that the query gets for being where it is."""
    for letter, query in zip(ascii_uppercase, panel.queries, strict=False):
        if isinstance(query, Line) and (properties := _line(query, stacked=panel.stacked)):
            yield _override("byFrameRefID", letter, properties)


def _line(line: Line, *, stacked: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    if line.dashed:
        properties |= {"custom.lineStyle": {"dash": [10, 10], "fill": "dash"}, "custom.fillOpacity": 0}
    if line.dashed and stacked:
        properties["custom.stacking"] = {"group": "A", "mode": "none"}
    if line.tone:
        properties["color"] = {"fixedColor": COLOURS[line.tone], "mode": "fixed"}
    if line.link:
        properties["links"] = _data_links(line.link)
    return properties


def _data_links(link: DataLink | None) -> list[dict[str, str]] | None:
    return [{"title": link.title, "url": link.url}] if link else None


def _heatmap(panel: Heatmap, common: dict[str, Any], version: int) -> dict[str, Any]:
    """As Grafana 10 to 13 draw it; the one in grafanalib is that of Grafana 8."""
    tooltip = {"mode": "single", "showColorScale": False, "yHistogram": True}
    options = {
        "calculate": False,
        "cellGap": 1,
        "cellValues": {"unit": UNITS[panel.cells]},
        "color": {
            "exponent": 0.5,
            "fill": "dark-orange",
            "mode": "scheme",
            "reverse": False,
            "scale": "exponential",
            "scheme": "Oranges",
            "steps": 64,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        # 10.0 to 10.2 know no `mode`; newer ones translate `show`, but only where it stands.
        "tooltip": tooltip | {"show": True} if version == 10 else tooltip,
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": UNITS[panel.unit]},
    }
    custom = {
        "hideFrom": {"legend": False, "tooltip": False, "viz": False},
        "scaleDistribution": {"type": "linear"},
    }
    defaults = {"custom": custom, "noValue": panel.no_value}
    made = {"type": core.HEATMAP_TYPE, "fieldConfig": {"defaults": defaults}, "options": options}
    found: dict[str, Any] = core.Panel(**common).panel_json(made)
    return found


def _stat(panel: Stat, common: dict[str, Any]) -> core.Stat:
    judged = bool(panel.limits or panel.states)
    return core.Stat(
        **common,
        format=UNITS[panel.unit],
        decimals=panel.decimals,
        mappings=_mappings(panel.states),
        noValue=panel.no_value,
        reduceCalc="lastNotNull",
        graphMode="none",
        thresholds=_colour_steps(panel.limits),
        color={"mode": "thresholds"} if judged else {"mode": "fixed", "fixedColor": "text"},
        extraJson={"fieldConfig": {"defaults": {"links": _data_links(panel.link)}}},
    )


def _table(panel: Table, common: dict[str, Any]) -> core.Table:
    headings = [key.heading for key in panel.keys] + [column.legend for column in panel.queries]
    labels = {key.label: key.heading for key in panel.keys}
    organize = {
        "excludeByName": {"Time": True},
        "renameByName": labels | dict(zip(_value_fields(panel), headings[len(labels) :], strict=True)),
        "indexByName": {name: index for index, name in enumerate((*labels, *_value_fields(panel)))},
    }
    return core.Table(
        **common,
        filterable=True,
        sortBy=[core.TableSortByField(panel.sort, panel.descending)],
        overrides=[*_links(panel), *map(_column, panel.queries)],
        transformations=[{"id": "merge", "options": {}}, {"id": "organize", "options": organize}],
        extraJson={"fieldConfig": {"defaults": {"noValue": panel.no_value}}},
    )


def _value_fields(panel: Table) -> list[str]:
    """What Grafana calls the values of each query: by the query's letter, unless there is just one."""
    if len(panel.queries) == 1:
        return ["Value"]
    return [f"Value #{letter}" for letter, _ in zip(ascii_uppercase, panel.queries, strict=False)]


def _links(panel: Table) -> Iterator[dict[str, Any]]:
    for key in panel.keys:
        if key.link:
            link = {"title": f"Find {key.heading.lower()}", "url": key.link}
            yield _override("byName", key.heading, {"links": [link]})


def _column(column: Column) -> dict[str, Any]:
    properties: dict[str, Any] = {"unit": UNITS[column.unit]}
    if column.decimals is not None:
        properties["decimals"] = column.decimals
    if column.states:
        properties["mappings"] = _mappings(column.states)
    if column.limits:
        properties["thresholds"] = {"mode": "absolute", "steps": _colour_steps(column.limits)}
    if column.limits or column.states:
        properties["custom.cellOptions"] = {"type": "color-text"}
    return _override("byName", column.legend, properties)


def _override(matcher: str, field: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Settings of some of a panel's fields: of one column, or of what one query gives."""
    listed = [{"id": name, "value": value} for name, value in properties.items()]
    return {"matcher": {"id": matcher, "options": field}, "properties": listed}


def _mappings(states: tuple[State, ...]) -> list[dict[str, Any]]:
    """Words for values; the index is the order in which a legend would list them."""
    options = {
        f"{state.value:g}": {"color": COLOURS[state.tone], "index": index, "text": state.says}
        for index, state in enumerate(states)
    }
    return [{"options": options, "type": "value"}] if options else []


def _line_steps(limits: tuple[Limit, ...]) -> list[core.Threshold]:
    """Lines across a graph, each in the colour of how bad it is to cross it."""
    lines = sorted((limit.threshold.value, COLOURS[limit.severity]) for limit in limits)
    return _steps(UNDRAWN, lines)


def _colour_steps(limits: tuple[Limit, ...]) -> list[core.Threshold]:
    """The colour of a value: good on one side of the limit, bad on the other."""
    good = COLOURS["good"]
    ordered = sorted((limit.threshold.value, COLOURS[limit.severity]) for limit in limits)
    if any(limit.broken == "below" for limit in limits):
        values, bad = zip(*ordered, strict=True)
        return _steps(bad[0], list(zip(values, (*bad[1:], good), strict=True)))
    return _steps(good, ordered)


def _steps(base: str, lines: list[tuple[float, str]]) -> list[core.Threshold]:
    """What holds below all lines, and what each line begins. grafanalib takes no whole numbers."""
    above = (core.Threshold(colour, index, float(value)) for index, (value, colour) in enumerate(lines, 1))
    return [core.Threshold(base, 0, 0.0), *above]
