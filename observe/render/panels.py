"""Panels as grafanalib's objects."""

from __future__ import annotations

from string import ascii_uppercase
from typing import TYPE_CHECKING, Any, Final

from grafanalib import core

from observe import naming
from observe.boards.panel import Column, Limit, Measured, Query, Row, Stat, Table, Text, TimeSeries
from observe.render.normalise import DATA_SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.boards.layout import Place
    from observe.signals.signal import Unit

UNITS: Final[dict[Unit, str]] = {
    "requests/s": "reqps",
    "per second": "cps",
    "ratio": "percentunit",
    "milliseconds": "ms",
    "seconds": "s",
    "count": "short",
}
COLOURS: Final = {"warning": "orange", "critical": "red"}
GOOD: Final = "green"
UNDRAWN: Final = "transparent"


def panel(place: Place, least: str) -> core.Panel:
    """A panel or a row's heading, with the id that links know it by."""
    item = place.item
    common = {
        "title": item.title,
        "id": naming.panel_id(item.key),
        "gridPos": core.GridPos(h=place.height, w=place.width, x=place.x, y=place.y),
    }
    match item:
        case Row():
            return core.RowPanel(**common)
        case Text():
            return core.Text(**common, content=item.content, mode=core.TEXT_MODE_MARKDOWN)
        case TimeSeries():
            return _time_series(item, common | _measured(item, least))
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
        expr=str(query.expr),
        legendFormat=query.legend,
        interval=least,
        instant=not isinstance(panel, TimeSeries),
        format="table" if isinstance(panel, Table) else "time_series",
        datasource=DATA_SOURCE,
    )


def _time_series(panel: TimeSeries, common: dict[str, Any]) -> core.TimeSeries:
    # grafanalib takes whole numbers only here, and does not know `noValue`.
    highest = panel.maximum or max((limit.threshold.value for limit in panel.limits), default=None)
    return core.TimeSeries(
        **common,
        unit=UNITS[panel.unit],
        valueMin=0,
        fillOpacity=5,
        showPoints="never",
        tooltipMode="multi",
        tooltipSort="desc",
        legendDisplayMode="table",
        legendCalcs=["lastNotNull", "max"],
        thresholds=_line_steps(panel.limits),
        thresholdsStyleMode="dashed" if panel.limits else "off",
        extraJson={
            "fieldConfig": {
                "defaults": {
                    "noValue": panel.no_value,
                    "max": panel.maximum,
                    "custom": {"axisSoftMax": highest or None},
                }
            }
        },
    )


def _stat(panel: Stat, common: dict[str, Any]) -> core.Stat:
    return core.Stat(
        **common,
        format=UNITS[panel.unit],
        noValue=panel.no_value,
        reduceCalc="lastNotNull",
        graphMode="none",
        thresholds=_colour_steps(panel.limits),
        color={"mode": "thresholds"} if panel.limits else {"mode": "fixed", "fixedColor": "text"},
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
            yield _override(key.heading, {"links": [link]})


def _column(column: Column) -> dict[str, Any]:
    properties: dict[str, Any] = {"unit": UNITS[column.unit]}
    if column.limits:
        properties["thresholds"] = {"mode": "absolute", "steps": _colour_steps(column.limits)}
        properties["custom.cellOptions"] = {"type": "color-text"}
    return _override(column.legend, properties)


def _override(field: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Settings of one column of a table."""
    listed = [{"id": name, "value": value} for name, value in properties.items()]
    return {"matcher": {"id": "byName", "options": field}, "properties": listed}


def _line_steps(limits: tuple[Limit, ...]) -> list[core.Threshold]:
    """Lines across a graph, each in the colour of how bad it is to cross it."""
    lines = sorted((limit.threshold.value, COLOURS[limit.severity]) for limit in limits)
    return _steps(UNDRAWN, lines)


def _colour_steps(limits: tuple[Limit, ...]) -> list[core.Threshold]:
    """The colour of a value: good on one side of the limit, bad on the other."""
    for limit in limits:
        if limit.broken == "below":
            return _steps(COLOURS[limit.severity], [(limit.threshold.value, GOOD)])
    return _steps(GOOD, sorted((limit.threshold.value, COLOURS[limit.severity]) for limit in limits))


def _steps(base: str, lines: list[tuple[float, str]]) -> list[core.Threshold]:
    """What holds below all lines, and what each line begins. grafanalib takes no whole numbers."""
    above = (core.Threshold(colour, index, float(value)) for index, (value, colour) in enumerate(lines, 1))
    return [core.Threshold(base, 0, 0.0), *above]
