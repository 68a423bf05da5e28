"""Graphs: what stands in their figures, and what the legend says."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import pytest

from observe.clients.prometheus import Series
from observe.preview.axis import labels, marks
from observe.preview.fields import Look
from tests.preview.boards import END, Told, board, instant, only, override, panel, series, target

if TYPE_CHECKING:
    from observe.preview.drawn import Figure
    from observe.preview.page import SheetPanel

TABLE = {"legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull", "max"]}}


def shown(told: Told, *targets: dict[str, Any], **settings: Any) -> SheetPanel:
    made = panel("timeseries", *(targets or (target(legendFormat="{{a}}"),)), **{"options": TABLE} | settings)
    return only(board(made), told)


def figure(told: Told, *targets: dict[str, Any], **settings: Any) -> Figure:
    found = shown(told, *targets, **settings).drawn.figure
    assert found is not None
    return found


def test_a_series_is_its_values_on_the_grid_of_the_query() -> None:
    told = Told({"up": [series(11, 12.3456789, math.nan, 14, a="x")]})
    (trace,) = figure(told)["data"]
    assert trace["name"] == "x"
    assert (trace["x0"], trace["dx"]) == ((END - 3600) * 1000, 15_000)
    assert trace["y"][:5] == [11, 12.3457, None, 14, None]
    assert len(trace["y"]) == 241


def test_a_missing_sample_is_a_gap_and_one_without_neighbours_is_a_point() -> None:
    found = Series((), tuple((END - 3600 + 15 * step, 1.0) for step in (0, 1, 5)))
    (trace,) = figure(Told({"up": [found]}))["data"]
    assert trace["y"][:7] == [1, 1, None, None, None, 1, None]
    assert trace["connectgaps"] is False
    assert trace["marker"]["size"][:7] == [0, 0, 0, 0, 0, 5, 0]


def test_the_legend_has_a_row_for_each_series_with_its_numbers() -> None:
    told = Told({"up": [series(2000, 1000, a="x"), series(1, math.nan, a="y")]})
    body = shown(told, defaults={"unit": "ms"}).drawn.body
    rows = re.findall(r"<tr><td>(.*?)</tr>", body)
    assert [re.sub("<[^>]+>", " ", row).split() for row in rows] == [
        ["x", "1", "s", "2", "s"], ["y", "1", "ms", "1", "ms"],
    ]  # fmt: skip
    assert re.findall(r'class="line" style="color:(#\w+)"', body) == ["#73BF69", "#F2CC0C"]
    assert '<th scope="col" class="number">Last *</th><th scope="col" class="number">Max</th>' in body


def test_a_dashed_line_is_dashed_in_the_legend_too_and_its_name_has_the_chosen_values() -> None:
    """A comparison is told from what it is compared with by its dashes."""
    dashes = [override("byFrameRefID", "B", {"custom.lineStyle": {"fill": "dash"}})]
    compared = target("up offset $baseline", refId="B", legendFormat="$baseline ago")
    choice = {"type": "custom", "name": "baseline", "query": "1d,7d"}
    told = Told({"up": [series(1)], "up offset 1d": [series(2)]})
    variables = {"list": [choice]}
    graph = panel("timeseries", target(legendFormat="now"), compared, overrides=dashes, options=TABLE)
    found = only(board(graph, templating=variables), told).drawn
    assert found.figure is not None
    assert [(trace["name"], trace["line"]["dash"]) for trace in found.figure["data"]] == [
        ("now", "solid"), ("1d ago", "dash"),
    ]  # fmt: skip
    assert re.findall(r'class="([^"]+)" style="[^"]+"></i>([^<]+)<', found.body) == [
        ("line", "now"), ("line dash", "1d ago"),
    ]  # fmt: skip


def test_a_series_without_a_legend_is_called_by_its_labels_or_its_query() -> None:
    told = Told({"up": [series(1, __name__="up", a="x")], "1+1": [series(2)]})
    found = figure(told, target(), target("1+1", refId="B"))
    assert [trace["name"] for trace in found["data"]] == ['up{a="x"}', "1+1"]


def test_thresholds_are_lines_across_in_their_colours() -> None:
    steps = [{"color": "transparent", "value": None}, {"color": "orange", "value": 2}, {"color": "red", "value": 5}]
    settings = {"thresholds": {"mode": "absolute", "steps": steps}, "custom": {"thresholdsStyle": {"mode": "dashed"}}}
    lines = figure(Told({"up": [series(1)]}), defaults=settings)["layout"]["shapes"]
    assert [(line["y0"], line["y1"], line["line"]["color"], line["line"]["dash"]) for line in lines] == [
        (2, 2, "rgba(255,152,48,0.7)", "dash"),
        (5, 5, "rgba(242,73,92,0.7)", "dash"),
    ]
    settings["custom"] = {"thresholdsStyle": {"mode": "off"}}
    assert figure(Told({"up": [series(1)]}), defaults=settings)["layout"]["shapes"] == []


def test_threshold_areas_reach_from_step_to_step() -> None:
    steps = [{"color": "green", "value": None}, {"color": "red", "value": 2}]
    thresholds = {"mode": "absolute", "steps": steps}
    settings = {"min": 0, "max": 4, "thresholds": thresholds, "custom": {"thresholdsStyle": {"mode": "area"}}}
    areas = figure(Told({"up": [series(1)]}), defaults=settings)["layout"]["shapes"]
    assert [(area["y0"], area["y1"], area["fillcolor"]) for area in areas] == [
        (0, 2, "rgba(115,191,105,0.15)"),
        (2, 4, "rgba(242,73,92,0.15)"),
    ]


@pytest.mark.parametrize(
    ("settings", "values", "expected"),
    [
        pytest.param({}, (10, 20), (9, 21), id="the data with some air"),
        pytest.param({}, (1, 20), (0, 21.9), id="zero when it is near"),
        pytest.param({"min": 0}, (10, 20), (0, 22), id="a fixed end"),
        pytest.param({"min": 0, "max": 1}, (0.2, 3), (0, 1), id="both ends fixed: what is above is cut off"),
        pytest.param({"min": 0, "custom": {"axisSoftMax": 50}}, (10, 20), (0, 50), id="room for a limit"),
        pytest.param({"min": 0, "custom": {"axisSoftMax": 15}}, (10, 20), (0, 22), id="more than the limit asks for"),
        pytest.param({"min": 0}, (0, 0), (0, 1), id="nothing but zero"),
        pytest.param({}, (5, 5), (5, 10), id="nothing but one value"),
        pytest.param({}, (math.nan,), (0, 1), id="nothing at all"),
    ],
)
def test_the_axis_of_values(settings: dict[str, Any], values: tuple[float, ...], expected: tuple[float, float]) -> None:
    found = figure(Told({"up": [series(*values)]}), defaults=settings)["layout"]["yaxis"]["range"]
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("unit", "low", "high", "expected"),
    [
        ("percentunit", 0, 0.25, ["0%", "5%", "10%", "15%", "20%", "25%"]),
        ("percentunit", 0, 0.01, ["0.0%", "0.2%", "0.4%", "0.6%", "0.8%", "1.0%"]),
        ("ms", 0, 2200, ["0 ms", "500 ms", "1.0 s", "1.5 s", "2.0 s"]),
        ("s", 0, 900, ["0 s", "5 min", "10 min", "15 min"]),
        ("s", 0, 90 * 86_400, ["0 s", "4 week", "8 week", "12 week"]),
        ("s", 0, 3.1e8, ["0 s", "2 year", "4 year", "6 year", "8 year"]),
        ("ms", 0, 3.1e11, ["0 ms", "2 year", "4 year", "6 year", "8 year"]),
        ("reqps", 0, 2200, ["0 req/s", "500 req/s", "1.0K req/s", "1.5K req/s", "2.0K req/s"]),
        ("short", 0, 1.1, ["0", "1"]),
        ("short", 0, 12, ["0", "5", "10"]),
        ("short", 0, 0.11, ["0.000", "0.025", "0.050", "0.075", "0.100"]),
        ("bytes", 0, 4_000_000, ["0 B", "1 MiB", "2 MiB", "3 MiB"]),
        ("cps", -10, 10, ["-10 c/s", "-5 c/s", "0 c/s", "5 c/s", "10 c/s"]),
    ],
)
def test_marks_are_round_in_the_unit(unit: str, low: float, high: float, expected: list[str]) -> None:
    assert labels(Look({"unit": unit}), marks(low, high, unit)) == expected


def test_stacked_series_need_room_for_their_sum_and_others_stand_apart() -> None:
    apart = [override("byFrameRefID", "B", {"custom.stacking": {"mode": "none"}})]
    told = Told({"up": [series(2, 3, a="x"), series(4, 5, a="y")], "base": [series(7, 1, a="z")]})
    found = figure(
        told, target(legendFormat="{{a}}"), target("base", refId="B"),
        defaults={"min": 0, "custom": {"stacking": {"mode": "normal", "group": "A"}}}, overrides=apart,
    )  # fmt: skip
    assert [trace.get("stackgroup") for trace in found["data"]] == ["A", "A", None]
    assert found["layout"]["yaxis"]["range"] == pytest.approx([0, 8.8])


def test_overrides_change_single_series() -> None:
    fixed, dashed = {"mode": "fixed", "fixedColor": "red"}, {"fill": "dash", "dash": [10, 10]}
    told = Told({"up": [series(1, a="x"), series(2, a="y")]})
    found = figure(told, overrides=[override("byName", "y", {"color": fixed, "custom.lineStyle": dashed})])
    assert [(trace["line"]["color"], trace["line"]["dash"]) for trace in found["data"]] == [
        ("#73BF69", "solid"), ("#F2495C", "dash"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("custom", "expected"),
    [
        ({"drawStyle": "bars"}, {"type": "bar"}),
        ({"drawStyle": "points"}, {"mode": "markers"}),
        ({"showPoints": "always", "pointSize": 7}, {"mode": "lines+markers"}),
        ({"spanNulls": True}, {"connectgaps": True}),
        ({"fillOpacity": 20}, {"fill": "tozeroy", "fillcolor": "rgba(115,191,105,0.2)"}),
    ],
)
def test_styles(custom: dict[str, Any], expected: dict[str, Any]) -> None:
    (trace,) = figure(Told({"up": [series(1, 2)]}), defaults={"custom": custom})["data"]
    assert {key: trace[key] for key in expected} == expected


def test_an_instant_query_is_a_point_at_its_time() -> None:
    (trace,) = figure(Told({"up": [Series((), ((END, 3.0),))]}), instant())["data"]
    assert (trace["x0"], trace["y"], trace["marker"]["size"]) == (END * 1000, [3], [5])


def events(**settings: Any) -> dict[str, Any]:
    plain = {"name": "Alerts", "enable": True, "expr": "ALERTS", "step": "60s", "iconColor": "red"}
    return {"annotations": {"list": [plain | {"titleFormat": "{{alertname}}", "textFormat": "{{service}}"} | settings]}}


def test_annotations_are_drawn_across_every_graph() -> None:
    points = tuple((END - 600 + 60 * step, value) for step, value in enumerate((1.0, 1.0, 0.0, 1.0)))
    fired = Series((("alertname", "High"), ("service", "cart")), points)
    told = Told({"up": [series(1)], "ALERTS": [fired]})
    made = only(board(panel("timeseries", target()), **events()), told).drawn.figure
    assert made is not None
    lines = [shape for shape in made["layout"]["shapes"] if shape["type"] == "line"]
    assert [(END - line["x0"] / 1000, line["line"]["color"]) for line in lines] == [
        (600, "#F2495C"), (540, "#F2495C"), (420, "#F2495C"),
    ]  # fmt: skip
    assert made["data"][1]["text"] == ["High: cart", "High: cart"]


def test_annotations_that_are_switched_off_are_not_asked_for() -> None:
    told = Told({"up": [series(1)]})
    only(board(panel("timeseries", target()), **events(enable=False)), told)
    assert told.expressions == ["up"]
