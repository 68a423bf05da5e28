"""Dashboards as Grafana's JSON, made with grafanalib and then put right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from string import ascii_uppercase
from typing import Any, Final, NamedTuple

import orjson
from grafanalib import core

from observe import naming
from observe.boards.layout import Place, places
from observe.boards.panel import Board, Column, Limit, Link, Measured, Query, Row, Stat, Table, Text, TimeSeries, Variable
from observe.model import Mesh, format_duration
from observe.promql import Number
from observe.render.normalise import DATA_SOURCE, normalise, normalise_panel
from observe.render.text import canonical, to_json
from observe.signals.signal import Unit

SCHEMA: Final = {10: 38, 11: 39, 12: 42, 13: 42}
"""The schema of the oldest Grafana that must show the dashboard: newer ones migrate, older ones cannot."""

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
BLANK: Final = Number(0)
LABEL_VALUES: Final = 1
"""The kind of variable query that `label_values` is (grafana `PromVariableQueryType`)."""


class Rendered(NamedTuple):
    """A dashboard as it is stored and sent."""

    content: bytes
    digest: str
    """The content hash, taken before the tag that carries it was added."""


def render(board: Board, mesh: Mesh) -> Rendered:
    """The dashboard's JSON: the same board gives the same bytes."""
    least = format_duration(mesh.prometheus.scrape_interval)
    frame = normalise(_plain(_frame(board, mesh)), SCHEMA[mesh.grafana.version])
    plain = frame | {"panels": [_filled(place, least) for place in places(board.rows)]}
    digest = naming.digest(canonical(plain))
    return Rendered(to_json(plain | {"tags": [*plain["tags"], naming.hash_tag(digest)]}), digest)


def _plain(part: Any) -> dict[str, Any]:
    """grafanalib's objects as dictionaries. Through bytes and back is faster than to walk them in Python."""
    plain: dict[str, Any] = orjson.loads(orjson.dumps(part, default=lambda inner: inner.to_json_data()))
    return plain


def _frame(board: Board, mesh: Mesh) -> core.Dashboard:
    """The dashboard without its panels."""
    return core.Dashboard(
        uid=board.uid,
        title=board.title,
        description=board.description,
        tags=[*board.tags, naming.TAG_TOOL, naming.pack_tag(mesh.name)],
        templating=core.Templating([_data_source(), *map(_variable, board.variables)]),
        links=[_link(link) for link in board.links],
        time=core.Time(f"now-{board.hours}h", "now"),
        # In an incident people compare with each other and with log lines, whose times are UTC.
        timezone="utc",
        refresh="1m",
        graphTooltip=core.GRAPH_TOOLTIP_MODE_SHARED_CROSSHAIR,
        editable=False,
    )


def _filled(place: Place, least: str) -> dict[str, Any]:
    """A panel or heading, from the mould of all that differ from it in expressions or text alone."""
    item = place.item
    if isinstance(item, Measured):
        blank = tuple(replace(query, expr=BLANK) for query in item.queries)
        mould = _mould(replace(place, item=replace(item, queries=blank)), least)
        targets = zip(mould["targets"], item.queries, strict=True)
        return mould | {"targets": [target | {"expr": str(query.expr)} for target, query in targets]}
    if isinstance(item, Text):
        mould = _mould(replace(place, item=replace(item, content="")), least)
        return mould | {"options": mould["options"] | {"content": item.content}}
    return _mould(replace(place, item=replace(item, panels=())), least)


@lru_cache(maxsize=4096)
def _mould(place: Place, least: str) -> dict[str, Any]:
    """A panel through grafanalib. Dashboards of services are much alike, so few of the panels are new."""
    return normalise_panel(_plain(_item(place, least)))


def _item(place: Place, least: str) -> core.Panel:
    """A panel or a row's heading, with the id that links know it by."""
    item = place.item
    common = {
        "title": item.title,
        "id": naming.panel_id(item.key),
        "gridPos": core.GridPos(h=place.height, w=place.width, x=place.x, y=place.y),
    }
    if isinstance(item, Row):
        return core.RowPanel(**common)
    if isinstance(item, Text):
        return core.Text(**common, content=item.content, mode=core.TEXT_MODE_MARKDOWN)
    if not isinstance(item, Measured):
        raise TypeError(f"no such panel: {type(item).__name__}")
    common |= {
        "description": item.description,
        "dataSource": DATA_SOURCE,
        "targets": [_target(query, item, least) for query in item.queries],
    }
    return _measured(item, common)


def _measured(panel: Measured, common: dict[str, Any]) -> core.Panel:
    if isinstance(panel, TimeSeries):
        return _time_series(panel, common)
    if isinstance(panel, Stat):
        return _stat(panel, common)
    if isinstance(panel, Table):
        return _table(panel, common)
    raise TypeError(f"no such panel: {type(panel).__name__}")


def _target(query: Query, panel: Measured, least: str) -> core.Target:
    """A query. Its least step is the scrape interval, from which Grafana makes `$__rate_interval`: what the data
    source is configured with may be another mesh's.
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
    # grafanalib takes whole numbers only here, and knows neither `noValue` nor dashed lines.
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
                    "custom": {"axisSoftMax": highest},
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


def _data_source() -> core.Template:
    """The choice of the Prometheus that is asked; Grafana's default one at first."""
    return core.Template(name="datasource", label="Data source", type="datasource", query="prometheus")


def _variable(variable: Variable) -> core.Template:
    query = f"label_values({variable.metric}, {variable.label})"
    return core.Template(
        name=variable.name,
        label=variable.title,
        dataSource=DATA_SOURCE,
        query={"qryType": LABEL_VALUES, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        default="$__all",
        multi=True,
        includeAll=True,
        allValue=variable.ALL,
        refresh=core.REFRESH_ON_TIME_RANGE_CHANGE,
    )


def _link(link: Link) -> core.DashboardLink:
    """A link at the top. It takes the time range and the data source along."""
    if link.uid:
        uri = naming.dashboard_url("", link.uid)
        return core.DashboardLink(title=link.title, type="link", uri=uri, icon="dashboard", includeVars=True)
    return core.DashboardLink(title=link.title, type="dashboards", tags=[link.tag], asDropdown=True, includeVars=True)
