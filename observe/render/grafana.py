"""Dashboards as Grafana's JSON, made with grafanalib and then put right."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson
from grafanalib import core

from observe import naming
from observe.boards.layout import Place, places
from observe.boards.panel import AlertMarks, Board, Choice, Link, Marks, Measured, PublishMarks, Row, Text, Variable
from observe.model import Mesh, format_duration
from observe.promql import Number, Selector
from observe.render.normalise import DATA_SOURCE, normalise, normalise_panel
from observe.render.panels import COLOURS, asked, panel
from observe.render.text import canonical, to_json

SCHEMA: Final = {10: 38, 11: 39, 12: 42, 13: 42}
"""The schema of the oldest Grafana that must show the dashboard: newer ones migrate, older ones cannot."""

BLANK: Final = Number(0)
LABEL_VALUES: Final = 1
"""The kind of variable query that `label_values` is (grafana `PromVariableQueryType`)."""

GRAFANAS_OWN: Final = {"type": "grafana", "uid": "-- Grafana --"}
"""Where Grafana keeps annotations that were made through its API."""
MARK_STEP: Final = "60s"
"""How closely alerts are looked at; what is no further apart makes one period. Over long ranges Grafana takes more."""


class Rendered(NamedTuple):
    """A dashboard as it is stored and sent."""

    content: bytes
    digest: str
    """The content hash, taken before the tag that carries it was added."""


def render(board: Board, mesh: Mesh) -> Rendered:
    """The dashboard's JSON: the same board gives the same bytes."""
    version = mesh.grafana.version
    least = format_duration(mesh.prometheus.scrape_interval)
    frame = normalise(_plain(_frame(board, mesh)), SCHEMA[version])
    plain = frame | {"panels": [_filled(place, least, version) for place in places(board.rows)]}
    digest = naming.digest(canonical(plain))
    return Rendered(to_json(plain | {"tags": [*plain["tags"], naming.hash_tag(digest)]}), digest)


def _plain(part: Any) -> dict[str, Any]:
    """Plain dictionaries of grafanalib's objects. Through bytes and back is faster than a walk."""
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
        annotations=core.Annotations([_marks(marks) for marks in board.marks]),
        links=[_link(link) for link in board.links],
        time=core.Time(f"now-{board.hours}h", "now"),
        # In an incident people compare with each other and with log lines, whose times are UTC.
        timezone="utc",
        # A minute of an hour; of a day not quite as often, since it is a day that is read again.
        refresh=f"{min(board.hours, 15)}m",
        graphTooltip=core.GRAPH_TOOLTIP_MODE_SHARED_CROSSHAIR,
        editable=False,
    )


def _filled(place: Place, least: str, version: int) -> dict[str, Any]:
    """A panel or heading, from the mould of all that differ from it in expressions or text alone."""
    item = place.item
    if isinstance(item, Measured):
        blank = tuple(replace(query, expr=BLANK) for query in item.queries)
        mould = _mould(replace(place, item=replace(item, queries=blank)), least, version)
        targets = zip(mould["targets"], item.queries, strict=True)
        return mould | {"targets": [target | {"expr": asked(item, query)} for target, query in targets]}
    if isinstance(item, Text):
        mould = _mould(replace(place, item=replace(item, content="")), least, version)
        return mould | {"options": mould["options"] | {"content": item.content}}
    if isinstance(item, Row):
        mould = _mould(replace(place, item=replace(item, panels=()), inside=()), least, version)
        return mould | {"panels": [_filled(inner, least, version) for inner in place.inside]}
    return _mould(place, least, version)


@lru_cache(maxsize=4096)
def _mould(place: Place, least: str, version: int) -> dict[str, Any]:
    """A panel through grafanalib. Dashboards of services are much alike, so few of the panels are new."""
    return normalise_panel(_plain(panel(place, least, version)))


def _data_source() -> core.Template:
    """The choice of the Prometheus that is asked; Grafana's default one at first."""
    return core.Template(name="datasource", label="Data source", type="datasource", query="prometheus")


def _variable(variable: Variable | Choice) -> core.Template:
    if isinstance(variable, Choice):
        return core.Template(
            name=variable.name,
            label=variable.title,
            type="custom",
            query=",".join(variable.values),
            default=variable.values[0],
        )
    query = f"label_values({Selector(variable.metric, variable.matchers)}, {variable.label})"
    return core.Template(
        name=variable.name,
        label=variable.title,
        dataSource=DATA_SOURCE,
        query={
            "qryType": LABEL_VALUES,
            "query": query,
            "refId": "PrometheusVariableQueryEditor-VariableQuery",
        },
        default="$__all",
        multi=True,
        includeAll=True,
        allValue=variable.ALL,
        refresh=core.REFRESH_ON_TIME_RANGE_CHANGE,
    )


def _marks(marks: Marks) -> dict[str, Any]:
    """Annotations; grafanalib takes them as they are."""
    common = {"name": marks.title, "enable": marks.shown, "hide": False}
    match marks:
        case AlertMarks():
            return common | _alert_marks(marks)
        case PublishMarks():
            tagged = {"limit": 100, "matchAny": False, "tags": [marks.tag], "type": "tags"}
            return common | {"datasource": GRAFANAS_OWN, "iconColor": "blue", "target": tagged}
    raise TypeError(f"no such marks: {type(marks).__name__}")


def _alert_marks(marks: AlertMarks) -> dict[str, Any]:
    """The query stands in both places that Grafana reads it from: 10 and 11 from the annotation itself, newer ones from
    its target (grafana `grafana-prometheus/src/annotations.ts`).
    """
    expr = str(marks.expr)
    return {
        "datasource": DATA_SOURCE,
        "expr": expr,
        "iconColor": COLOURS[marks.severity],
        "step": MARK_STEP,
        "tagKeys": "severity",
        "target": {"expr": expr, "interval": MARK_STEP, "refId": "Anno"},
        "textFormat": "",
        "titleFormat": "{{alertname}}",
        "useValueForTime": False,
    }


def _link(link: Link) -> core.DashboardLink:
    """A link at the top. It takes the time range and the data source along."""
    if link.uid:
        uri = naming.dashboard_url("", link.uid)
        return core.DashboardLink(title=link.title, type="link", uri=uri, icon="dashboard", includeVars=True)
    return core.DashboardLink(title=link.title, type="dashboards", tags=[link.tag], asDropdown=True, includeVars=True)
