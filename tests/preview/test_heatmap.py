"""Heatmaps: cumulative buckets become the count of each, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from tests.preview.boards import Told, board, only, panel, series, target

OPTIONS: dict[str, Any] = {
    "calculate": False,
    "color": {"mode": "scheme", "scheme": "Oranges", "scale": "exponential", "exponent": 0.5, "steps": 64},
    "filterValues": {"le": 1e-9},
    "legend": {"show": True},
    "cellValues": {"unit": "reqps"},
    "yAxis": {"axisPlacement": "left", "reverse": False, "unit": "ms"},
}
BUCKETS = [
    series(9, 9, 9, le="+Inf"),
    series(2, 3, 0, le="10"),
    series(5, 3, 7, le="250"),
    series(5, 2.9, 9, le="1000"),
]
"""In the order in which Prometheus may give them; two rates of one instant may differ the wrong way round."""


def heatmap(**settings: Any) -> dict[str, Any]:
    return panel("heatmap", target(format="heatmap", legendFormat="{{le}}"), **{"options": OPTIONS} | settings)


def test_each_bucket_is_a_row_with_what_fell_into_it() -> None:
    shown = only(board(heatmap()), Told({"up": BUCKETS}))
    assert shown.drawn.figure is not None
    (trace,) = shown.drawn.figure["data"]
    assert trace["y"] == ["≤ 10 ms", "≤ 250 ms", "≤ 1 s", "+Inf"]
    assert [row[:4] for row in trace["z"]] == [
        [2, 3, None, None],
        [3, None, 7, None],
        [None, None, 2, None],
        [4, 6.1, None, None],
    ]
    assert trace["dx"] == 15_000
    assert shown.notes == ()


def test_few_are_dark_and_many_are_light_on_a_dark_page() -> None:
    figure = only(board(heatmap()), Told({"up": BUCKETS})).drawn.figure
    assert figure is not None
    scale = figure["data"][0]["colorscale"]
    assert (scale[0], scale[-1]) == ([0, "#7f2704"], [1, "#fff5eb"])
    assert figure["data"][0]["colorbar"]["ticktext"] == ["0 req/s", "2 req/s", "4 req/s", "6 req/s"]


def test_without_data_it_says_why() -> None:
    assert "no traffic" in only(board(heatmap(defaults={"noValue": "no traffic"})), Told()).drawn.body


@pytest.mark.parametrize(
    ("options", "query", "note"),
    [
        ({"color": {"mode": "scheme", "scheme": "Turbo"}}, {}, "the colour scheme Turbo: Oranges stands for it"),
        ({"calculate": True}, {}, "heatmaps that Grafana calculates from values"),
        ({}, {"format": "time_series"}, "heatmaps that Grafana calculates from values"),
        ({"color": {"mode": "opacity"}}, {}, "options.color.mode = opacity"),
    ],
)
def test_what_is_not_drawn_is_said(options: dict[str, Any], query: dict[str, Any], note: str) -> None:
    made = panel("heatmap", target(**{"format": "heatmap"} | query), options=OPTIONS | options)
    assert note in only(board(made), Told({"up": BUCKETS})).notes


def test_series_that_are_no_buckets_are_not_drawn_as_such() -> None:
    assert "without the label le" in only(board(heatmap()), Told({"up": [series(1, a="x")]})).drawn.body
