"""grafanalib's JSON, put right.

grafanalib 0.7.1 writes what Grafana 5 to 8 wrote. Grafana migrates that on every load, and not without loss;
what it then stores differs from what was sent, so that no comparison ever finds them equal. Here the JSON
becomes what Grafana 10 to 13 write themselves.
"""

from __future__ import annotations

from string import ascii_uppercase
from typing import Any, Final

DATA_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
"""Whatever is chosen at the top of the dashboard."""

DASHBOARD_NOISE: Final = frozenset(
    {"__inputs", "gnetId", "hideControls", "id", "rows", "sharedCrosshair", "style", "version"}
)
"""Gone from Grafana, or Grafana's own to give (`id`, `version`)."""

PANEL_NOISE: Final = frozenset(
    {"cacheTimeout", "color", "columns", "editable", "error", "fontSize", "height", "hideTimeOverride"}
    | {"mappings", "maxDataPoints", "minSpan", "span"}
)
"""Settings that panels no longer have, and `maxDataPoints`, whose 100 would draw coarse graphs."""

ROW_KEYS: Final = ("collapsed", "gridPos", "id", "title", "type")

TARGET_NOISE: Final = frozenset({"hide", "intervalFactor", "metric", "query", "step", "target"})
"""`query` repeats the expression, `intervalFactor` of 2 halves the resolution."""

VARIABLE_NOISE: Final = frozenset({"auto", "auto_count", "auto_min", "tagValuesQuery", "tagsQuery", "useTags"})

BASE: Final = "green"
"""The colour of values in a panel without thresholds."""

CELLS: Final[dict[str, dict[str, str]]] = {
    "basic": {"type": "gauge", "mode": "basic"},
    "color-background": {"type": "color-background", "mode": "gradient"},
    "color-background-solid": {"type": "color-background", "mode": "basic"},
    "gradient-gauge": {"type": "gauge", "mode": "gradient"},
    "lcd-gauge": {"type": "gauge", "mode": "lcd"},
}
"""What Grafana's schema 38 made of the display modes of table cells; the others kept their names."""


def normalise(dashboard: dict[str, Any], schema: int) -> dict[str, Any]:
    """The dashboard as Grafana writes it in this schema; what is given stays as it is."""
    return _known(dashboard, DASHBOARD_NOISE) | {
        "panels": [normalise_panel(panel) for panel in dashboard["panels"]],
        "schemaVersion": schema,
        "templating": {"list": [_variable(variable) for variable in dashboard["templating"]["list"]]},
        "timepicker": {},
    }


def _known(values: dict[str, Any], noise: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Without noise, and without nulls: to Grafana they mean the same as nothing."""
    return {key: value for key, value in values.items() if value is not None and key not in noise}


def normalise_panel(panel: dict[str, Any]) -> dict[str, Any]:
    """The same for one panel."""
    if panel["type"] == "row":
        heading = _known({key: panel[key] for key in ROW_KEYS})
        return heading | {"panels": [normalise_panel(inner) for inner in panel["panels"]]}
    known = _known(panel, PANEL_NOISE)
    plain = {key: value for key, value in known.items() if value is not False and value != []}
    plain["fieldConfig"] = _field_config(panel)
    plain["options"] = _options(panel.get("options", {}))
    if panel["targets"]:
        plain["targets"] = [_target(*pair) for pair in zip(ascii_uppercase, panel["targets"], strict=False)]
        plain["datasource"] = panel["datasource"] or DATA_SOURCE
    return plain


def _field_config(panel: dict[str, Any]) -> dict[str, Any]:
    """With `overrides`, whose absence broke a migration (grafana#65247), and always with a threshold."""
    config = panel.get("fieldConfig", {})
    overrides = [_override(override) for override in config.get("overrides", ())]
    if not panel["targets"]:
        return {"defaults": {}, "overrides": overrides}
    defaults = _known(config["defaults"])
    defaults["thresholds"] = _thresholds(defaults["thresholds"])
    if "custom" in defaults:
        defaults["custom"] = _custom(defaults["custom"])
    return {"defaults": defaults, "overrides": overrides}


def _override(override: dict[str, Any]) -> dict[str, Any]:
    properties = [
        {**each, "value": _thresholds(each["value"])} if each["id"] == "thresholds" else each
        for each in override["properties"]
    ]
    return {**override, "properties": properties}


def _thresholds(thresholds: dict[str, Any]) -> dict[str, Any]:
    """Steps from the base upwards. The base's value is a real null, the only one that means something."""
    steps = [
        {"color": step["color"], "value": None if step["value"] in (None, "null") else step["value"]}
        for step in thresholds["steps"] or ()
    ]
    return {"mode": thresholds["mode"], "steps": steps or [{"color": BASE, "value": None}]}


def _custom(custom: dict[str, Any]) -> dict[str, Any]:
    """The settings that only this kind of panel has."""
    plain = _known(custom, frozenset({"displayMode"}))
    if "displayMode" in custom:
        plain["cellOptions"] = CELLS.get(custom["displayMode"], {"type": custom["displayMode"]})
    if custom.get("stacking") == {}:
        plain["stacking"] = {"group": "A", "mode": "none"}
    if custom.get("scaleDistribution", {}).get("type") == "linear":
        plain["scaleDistribution"] = {"type": "linear"}
    return plain


def _options(options: dict[str, Any]) -> dict[str, Any]:
    """A legend is hidden by `showLegend` now, no longer by its mode."""
    legend = options.get("legend", {})
    if "displayMode" not in legend:
        return options
    shown = legend["displayMode"] != "hidden"
    mode = legend["displayMode"] if shown else "list"
    return {**options, "legend": {**legend, "displayMode": mode, "showLegend": shown}}


def _target(letter: str, target: dict[str, Any]) -> dict[str, Any]:
    return {
        **{key: value for key, value in _known(target, TARGET_NOISE).items() if value != ""},
        "datasource": target["datasource"] or DATA_SOURCE,
        "range": not target["instant"],
        "refId": target["refId"] or letter,
    }


def _variable(variable: dict[str, Any]) -> dict[str, Any]:
    """With a choice that Grafana can read: grafanalib's nulls stand for none."""
    plain = _known(variable, VARIABLE_NOISE)
    value = variable["current"].get("value")
    text = "All" if value == "$__all" else value
    many = variable["multi"]
    plain["current"] = {"text": [text] if many else text, "value": [value] if many else value} if value else {}
    if variable["type"] == "query":
        plain["datasource"] = variable["datasource"] or DATA_SOURCE
        plain["definition"] = variable["query"]["query"] if isinstance(variable["query"], dict) else variable["query"]
    return plain
