"""What this preview does not draw, said: a setting that is unknown here is named on the panel, never dropped.

For each kind of panel the settings that are drawn, or that change nothing on a still page, with the values that they
may have. A name ends with `*` where all settings below it are fine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from observe.preview import fields
from observe.preview.results import CALCULATIONS
from observe.preview.units import known as known_unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from observe.preview.dashboard import Panel

ANY: Final = None
Settings = dict[str, frozenset[Any] | None]


def _one_of(*values: Any) -> frozenset[Any]:
    return frozenset(values)


_PANEL: Final[Settings] = {
    **dict.fromkeys(("id", "type", "title", "description", "gridPos.*", "datasource.*", "datasource"), ANY),
    **dict.fromkeys(("targets.*", "transformations.*", "fieldConfig.overrides.*", "pluginVersion"), ANY),
    **dict.fromkeys(("interval", "maxDataPoints", "cacheTimeout", "links.*", "transparent"), ANY),
    **dict.fromkeys((f"fieldConfig.defaults.{name}" for name in ("unit", "decimals", "noValue", "displayName")), ANY),
    "fieldConfig.defaults.thresholds.mode": _one_of("absolute"),
    "fieldConfig.defaults.thresholds.steps.*": ANY,
    "fieldConfig.defaults.mappings.*": ANY,
    "fieldConfig.defaults.links.*": ANY,
    "fieldConfig.defaults.custom.hideFrom.*": ANY,
    "options.tooltip.*": ANY,
}
_CUSTOM: Final = "fieldConfig.defaults.custom."
_AXES: Final[Settings] = {
    f"{_CUSTOM}axisPlacement": _one_of("auto", "left"),
    f"{_CUSTOM}scaleDistribution.type": _one_of("linear", "log"),
    f"{_CUSTOM}scaleDistribution.log": ANY,
    **dict.fromkeys((f"{_CUSTOM}{name}" for name in ("axisLabel", "axisSoftMin", "axisSoftMax")), ANY),
    f"{_CUSTOM}axisColorMode": _one_of("text"),
}

KINDS: Final[Mapping[str, Settings]] = {
    "timeseries": {
        **_AXES,
        "fieldConfig.defaults.min": ANY,
        "fieldConfig.defaults.max": ANY,
        "fieldConfig.defaults.color.mode": _one_of("palette-classic", "palette-classic-by-name", "fixed"),
        "fieldConfig.defaults.color.fixedColor": ANY,
        f"{_CUSTOM}drawStyle": _one_of("line", "bars", "points"),
        f"{_CUSTOM}lineInterpolation": _one_of("linear", "smooth", "stepBefore", "stepAfter"),
        f"{_CUSTOM}lineStyle.fill": _one_of("solid", "dash", "dot"),
        f"{_CUSTOM}lineStyle.dash.*": ANY,
        f"{_CUSTOM}gradientMode": _one_of("none"),
        f"{_CUSTOM}showPoints": _one_of("never", "auto", "always"),
        f"{_CUSTOM}spanNulls": _one_of(True),
        f"{_CUSTOM}stacking.mode": _one_of("none", "normal", "percent"),
        f"{_CUSTOM}stacking.group": _one_of("A"),
        f"{_CUSTOM}thresholdsStyle.mode": _one_of("off", "line", "dashed", "area", "line+area", "dashed+area"),
        **dict.fromkeys(
            (f"{_CUSTOM}{name}" for name in ("lineWidth", "fillOpacity", "pointSize", "barAlignment", "barMaxWidth")),
            ANY,
        ),
        f"{_CUSTOM}barWidthFactor": ANY,
        "options.legend.calcs.*": frozenset(CALCULATIONS),
        "options.legend.displayMode": _one_of("table", "list", "hidden"),
        "options.legend.placement": _one_of("bottom", "right"),
        "options.legend.showLegend": ANY,
        "options.legend.width": ANY,
        "options.legend.sortBy": ANY,
        "options.legend.sortDesc": ANY,
    },
    "stat": {
        "fieldConfig.defaults.color.mode": _one_of("fixed", "thresholds"),
        "fieldConfig.defaults.color.fixedColor": ANY,
        "options.colorMode": _one_of("value", "background", "background_solid", "none"),
        "options.graphMode": _one_of("none"),
        "options.justifyMode": _one_of("auto", "center"),
        "options.orientation": _one_of("auto", "vertical", "horizontal"),
        "options.reduceOptions.calcs.*": frozenset(CALCULATIONS),
        "options.textMode": _one_of("auto", "value", "value_and_name", "name"),
        "options.wideLayout": ANY,
        "options.percentChangeColorMode": ANY,
    },
    "table": {
        "fieldConfig.defaults.color.mode": _one_of("thresholds", "fixed"),
        "fieldConfig.defaults.color.fixedColor": ANY,
        "fieldConfig.defaults.min": ANY,
        "fieldConfig.defaults.max": ANY,
        f"{_CUSTOM}align": _one_of("auto"),
        f"{_CUSTOM}cellOptions.type": _one_of("auto", "color-text", "color-background"),
        f"{_CUSTOM}cellOptions.mode": _one_of("basic", "gradient"),
        f"{_CUSTOM}filterable": ANY,
        f"{_CUSTOM}inspect": ANY,
        f"{_CUSTOM}width": ANY,
        f"{_CUSTOM}minWidth": ANY,
        "options.showHeader": _one_of(True),
        "options.cellHeight": ANY,
        "options.sortBy.*": ANY,
        "options.footer.countRows": ANY,
        "options.footer.reducer.*": ANY,
        "options.footer.fields": ANY,
    },
    "text": {
        "options.mode": _one_of("markdown"),
        "options.content": ANY,
        "options.code.*": ANY,
        "fieldConfig.*": ANY,
    },
    "heatmap": {
        "fieldConfig.defaults.color.*": ANY,
        "fieldConfig.defaults.thresholds.*": ANY,
        "options.yAxis.reverse": _one_of(False),
        f"{_CUSTOM}scaleDistribution.type": _one_of("linear"),
        "options.color.mode": _one_of("scheme"),
        "options.color.scheme": ANY,
        "options.color.scale": _one_of("exponential", "linear"),
        "options.color.fill": ANY,
        "options.color.exponent": ANY,
        "options.color.steps": ANY,
        "options.color.reverse": ANY,
        "options.color.min": ANY,
        "options.color.max": ANY,
        "options.exemplars.*": ANY,
        "options.filterValues.le": ANY,
        "options.legend.show": ANY,
        "options.legend.showLegend": ANY,
        "options.rowsFrame.layout": _one_of("auto", "le"),
        "options.rowsFrame.value": ANY,
        "options.cellGap": ANY,
        "options.cellValues.*": ANY,
        "options.yAxis.axisPlacement": _one_of("auto", "left"),
        "options.yAxis.unit": ANY,
        "options.yAxis.decimals": ANY,
        "options.yAxis.axisLabel": ANY,
        "options.showValue": _one_of("never", "auto"),
        "options.selectionMode": ANY,
        "options.calculation.*": ANY,
    },
}
"""Kinds that are drawn."""

OVERRIDES: Final = frozenset(
    {"unit", "decimals", "noValue", "displayName", "color", "thresholds", "mappings", "links", "min", "max"}
    | {
        "custom.stacking",
        "custom.cellOptions",
        "custom.fillOpacity",
        "custom.lineWidth",
        "custom.lineStyle",
        "custom.drawStyle",
    }
    | {"custom.width", "custom.minWidth", "custom.hidden", "custom.hideFrom", "custom.align", "custom.filterable"}
)
TRANSFORMATIONS: Final = frozenset({"merge", "organize"})
TARGET: Final = frozenset(
    {"datasource", "expr", "format", "instant", "interval", "legendFormat", "range", "refId", "editorMode", "key"}
    | {"hide", "metric", "query", "useBackend", "disableTextWrap", "fullMetaSearch", "includeNullMetadata", "qryType"}
)
NOTHING: Final = (None, "", False)
"""Settings that are switched off, which is how they are drawn."""


def undrawn(panel: Panel) -> tuple[str, ...]:
    """What a person would see in Grafana and does not see here."""
    return tuple(dict.fromkeys(_undrawn(panel)))


def _undrawn(panel: Panel) -> Iterator[str]:
    settings = KINDS.get(panel.kind)
    if settings is None:
        yield f"panels of the kind {panel.kind} are not drawn"
        return
    if panel.raw.get("repeat"):
        yield f"drawn once, where Grafana repeats it for each value of {panel.raw['repeat']}"
    allowed = _PANEL | settings
    for path, value in _leaves(panel.raw):
        if value not in NOTHING and not path.startswith("repeat") and not _fits(path, value, allowed):
            yield f"{path} = {value}"
    yield from _undrawn_fields(panel)
    yield from _undrawn_queries(panel)


def _undrawn_fields(panel: Panel) -> Iterator[str]:
    units = [panel.defaults.get("unit")]
    for override in panel.overrides:
        matcher = override.get("matcher")
        how = matcher.get("id") if isinstance(matcher, dict) else None
        if how not in fields.MATCHERS:
            yield f"overrides that match {how}"
        for each in override.get("properties") or ():
            if isinstance(each, dict) and each.get("id") not in OVERRIDES:
                yield f"the override of {each.get('id')}"
            if isinstance(each, dict) and each.get("id") == "unit":
                units.append(each.get("value"))
    for mapping in panel.defaults.get("mappings") or ():
        if isinstance(mapping, dict) and mapping.get("type") not in fields.MAPPINGS:
            yield f"value mappings of the kind {mapping.get('type')}"
    for unit in units:
        if unit and not known_unit(str(unit)):
            yield f"the unit {unit} as Grafana writes it"


def _undrawn_queries(panel: Panel) -> Iterator[str]:
    for one in panel.transformations:
        if one.get("id") not in TRANSFORMATIONS and not one.get("disabled"):
            yield f"the transformation {one.get('id')}"
    for target in panel.raw.get("targets") or ():
        if not isinstance(target, dict):
            continue
        source = target.get("datasource")
        kind = source.get("type") if isinstance(source, dict) else None
        if kind not in (None, "prometheus"):
            yield f"queries of {kind}"
        for name, value in target.items():
            if name not in TARGET and value not in NOTHING and not (name == "intervalFactor" and value == 1):
                yield f"the query's {name} = {value}"


def _leaves(found: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting with its path; the elements of a list have the path of the list with `.*`."""
    if isinstance(found, dict):
        for name, value in found.items():
            yield from _leaves(value, f"{path}.{name}" if path else str(name))
    elif isinstance(found, list):
        for value in found:
            yield from _leaves(value, f"{path}.*")
    else:
        yield path, found


def _fits(path: str, value: Any, allowed: Settings) -> bool:
    for name in (path, *_above(path)):
        if name in allowed:
            values = allowed[name]
            return values is None or value in values
    return False


def _above(path: str) -> Iterator[str]:
    """The names that stand for the setting together with others: `a.b.*` and `a.*` for `a.b.c`."""
    while "." in path:
        path = path.rpartition(".")[0]
        yield f"{path}.*"
