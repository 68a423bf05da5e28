"""Each defect of grafanalib 0.7.1 that is put right, as grafanalib itself makes it."""

from __future__ import annotations

import copy
from typing import Any

import orjson
import pytest
from grafanalib import core

from observe.render.normalise import DATA_SOURCE, normalise

OWN = {"type": "prometheus", "uid": "another"}


def plain(dashboard: core.Dashboard) -> dict[str, Any]:
    made: dict[str, Any] = orjson.loads(orjson.dumps(dashboard, default=lambda part: part.to_json_data()))
    return made


def repaired(**parts: Any) -> dict[str, Any]:
    return normalise(plain(core.Dashboard(title="any", **parts)), 42)


def panel(made: core.Panel) -> dict[str, Any]:
    (found,) = repaired(panels=[made])["panels"]
    assert isinstance(found, dict)
    return found


def targets(*made: core.Target) -> list[dict[str, Any]]:
    found = panel(core.TimeSeries(targets=list(made)))["targets"]
    assert isinstance(found, list)
    return found


def at(value: Any, path: str) -> Any:
    """What stands at a path such as `a.b.0`; None when nothing does."""
    for step in path.split("."):
        if isinstance(value, list):
            value = value[int(step)] if int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


TARGETS = [core.Target(expr="up")]
STEPS = [core.Threshold("green", 0, 0.0), core.Threshold("red", 1, 0.05)]
REPAIRED_STEPS = [{"color": "green", "value": None}, {"color": "red", "value": 0.05}]
GREEN = {"mode": "absolute", "steps": [{"color": "green", "value": None}]}


@pytest.mark.parametrize(
    ("made", "path", "was", "becomes"),
    [
        pytest.param(
            core.TimeSeries(targets=TARGETS, thresholds=STEPS),
            "fieldConfig.defaults.thresholds.steps",
            None,
            REPAIRED_STEPS,
            id="the base of thresholds is a null, not the word",
        ),
        pytest.param(
            core.Stat(targets=TARGETS),
            "fieldConfig.defaults.thresholds",
            {"mode": "absolute", "steps": ""},
            GREEN,
            id="a stat's steps are a list, not an empty text",
        ),
        pytest.param(
            core.TimeSeries(targets=TARGETS),
            "fieldConfig.defaults.thresholds",
            {"mode": "absolute", "steps": []},
            GREEN,
            id="without thresholds there is still a base",
        ),
        pytest.param(core.Text(), "fieldConfig.overrides", None, [], id="every panel has overrides"),
        pytest.param(
            core.TimeSeries(targets=TARGETS), "options.legend.showLegend", None, True, id="a legend says that it shows"
        ),
        pytest.param(
            core.TimeSeries(targets=TARGETS, legendDisplayMode="hidden"),
            "options.legend",
            {"calcs": [], "displayMode": "hidden", "placement": "bottom"},
            {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False},
            id="a legend is hidden by a setting of its own",
        ),
        pytest.param(
            core.TimeSeries(targets=TARGETS),
            "fieldConfig.defaults.custom.stacking",
            {},
            {"group": "A", "mode": "none"},
            id="not stacked is said",
        ),
        pytest.param(
            core.TimeSeries(targets=TARGETS),
            "fieldConfig.defaults.custom.scaleDistribution",
            {"log": 2, "type": "linear"},
            {"type": "linear"},
            id="a linear scale has no base",
        ),
        pytest.param(
            core.TimeSeries(targets=TARGETS, scaleDistributionType="log", scaleDistributionLog=10),
            "fieldConfig.defaults.custom.scaleDistribution",
            {"log": 10, "type": "log"},
            {"log": 10, "type": "log"},
            id="a logarithmic one keeps it",
        ),
        pytest.param(
            core.Table(targets=TARGETS, displayMode="color-text"),
            "fieldConfig.defaults.custom.cellOptions",
            None,
            {"type": "color-text"},
            id="a cell's display mode is an option of the cell",
        ),
        pytest.param(
            core.Table(targets=TARGETS, displayMode="lcd-gauge"),
            "fieldConfig.defaults.custom.cellOptions",
            None,
            {"mode": "lcd", "type": "gauge"},
            id="a gauge in a cell got a mode of its own",
        ),
        pytest.param(
            core.Table(targets=TARGETS), "fieldConfig.defaults.custom.displayMode", "auto", None, id="and goes"
        ),
        pytest.param(core.Table(targets=TARGETS), "columns", [], None, id="Angular's columns"),
        pytest.param(core.Table(targets=TARGETS), "color", {"mode": "thresholds"}, None, id="Angular's colours"),
        pytest.param(core.Stat(targets=TARGETS), "maxDataPoints", 100, None, id="100 points are a coarse graph"),
        pytest.param(core.Stat(targets=TARGETS), "editable", True, None, id="panels are not editable one by one"),
        pytest.param(core.Stat(targets=TARGETS), "datasource", None, DATA_SOURCE, id="the chosen data source"),
        pytest.param(core.Stat(targets=TARGETS, dataSource=OWN), "datasource", OWN, OWN, id="or the one given"),
        pytest.param(core.Stat(targets=TARGETS), "targets.0.refId", "", "A", id="queries have letters"),
        pytest.param(core.Stat(targets=TARGETS), "targets.0.datasource", None, DATA_SOURCE, id="and a data source"),
        pytest.param(core.Stat(targets=TARGETS), "targets.0.query", "up", None, id="and their expression once"),
        pytest.param(core.Stat(targets=TARGETS), "targets.0.intervalFactor", 2, None, id="and full resolution"),
        pytest.param(core.Stat(targets=TARGETS), "targets.0.step", 10, None, id="and no step of their own"),
        pytest.param(core.Stat(targets=TARGETS), "targets.0.range", None, True, id="and say that they run over time"),
    ],
)
def test_panels(made: core.Panel, path: str, was: Any, becomes: Any) -> None:
    if was is not None:
        assert at(plain(core.Dashboard(title="any", panels=[made]))["panels"][0], path) == was
    assert at(panel(made), path) == becomes


def test_queries_get_letters_in_order_and_keep_those_they_have() -> None:
    letters = [target["refId"] for target in targets(core.Target(), core.Target(refId="Z"), core.Target())]
    assert letters == ["A", "Z", "C"]


def test_an_instant_query_does_not_run_over_time() -> None:
    (found,) = targets(core.Target(expr="up", instant=True))
    assert (found["instant"], found["range"]) == (True, False)


def test_overrides_thresholds_have_a_null_base_too() -> None:
    """They go through another door than the panel's own."""
    steps = {"id": "thresholds", "value": {"mode": "absolute", "steps": STEPS}}
    override = {"matcher": {"id": "byName", "options": "Errors"}, "properties": [{"id": "unit", "value": "s"}, steps]}
    found = panel(core.Table(targets=TARGETS, overrides=[override]))
    unit, thresholds = at(found, "fieldConfig.overrides.0.properties")
    assert unit == {"id": "unit", "value": "s"}
    assert thresholds["value"]["steps"] == REPAIRED_STEPS


def test_no_null_is_left_but_the_base_of_thresholds() -> None:
    """Thirteen a panel, in grafanalib's own."""
    made = repaired(panels=[core.TimeSeries(targets=TARGETS), core.Text(), core.RowPanel()])
    assert orjson.dumps(made).count(b"null") == 1


def test_a_rows_heading_is_only_that() -> None:
    made = panel(core.RowPanel(title="Errors", id=11, gridPos=core.GridPos(h=1, w=24, x=0, y=12)))
    assert made == {
        "collapsed": False,
        "gridPos": {"h": 1, "w": 24, "x": 0, "y": 12},
        "id": 11,
        "panels": [],
        "title": "Errors",
        "type": "row",
    }


def test_panels_in_a_collapsed_row_are_repaired_too() -> None:
    made = panel(core.RowPanel(collapsed=True, panels=[core.Stat(targets=TARGETS)]))
    assert at(made, "panels.0.targets.0.refId") == "A"


@pytest.mark.parametrize(
    "gone", ["__inputs", "gnetId", "hideControls", "id", "rows", "sharedCrosshair", "style", "version"]
)
def test_what_grafana_gave_up_or_gives_itself(gone: str) -> None:
    assert gone in plain(core.Dashboard(title="any"))
    assert gone not in repaired()


def test_the_schema_is_the_one_asked_for() -> None:
    """That of grafanalib is 12, which makes Grafana run thirty migrations, one of which resets the shared crosshair."""
    assert plain(core.Dashboard(title="any"))["schemaVersion"] == 12
    assert repaired()["schemaVersion"] == 42


@pytest.mark.parametrize(
    ("made", "current"),
    [
        pytest.param(core.Template(name="d", query="prometheus", type="datasource"), {}, id="no choice yet"),
        pytest.param(
            core.Template(name="n", query="label_values(a, b)", default="$__all", multi=True),
            {"text": ["All"], "value": ["$__all"]},
            id="all of many",
        ),
        pytest.param(
            core.Template(name="n", query="label_values(a, b)", default="shop"),
            {"text": "shop", "value": "shop"},
            id="one of many",
        ),
    ],
)
def test_variables_have_a_choice_that_grafana_can_read(made: core.Template, current: dict[str, Any]) -> None:
    (variable,) = repaired(templating=core.Templating([made]))["templating"]["list"]
    assert variable["current"] == current
    assert not set(variable) & {"auto", "auto_count", "auto_min", "tagValuesQuery", "tagsQuery", "useTags"}


def test_query_variables_ask_the_chosen_data_source() -> None:
    made = core.Template(name="n", query="label_values(a, b)")
    (variable,) = repaired(templating=core.Templating([made]))["templating"]["list"]
    assert variable["datasource"] == DATA_SOURCE
    assert variable["definition"] == "label_values(a, b)"


def test_what_is_given_stays_as_it_is() -> None:
    parts = [core.TimeSeries(targets=TARGETS, thresholds=STEPS), core.Table(targets=TARGETS), core.RowPanel()]
    given = plain(core.Dashboard(title="any", panels=parts, templating=core.Templating([core.Template("n", "q")])))
    before = copy.deepcopy(given)
    normalise(given, 42)
    assert given == before
