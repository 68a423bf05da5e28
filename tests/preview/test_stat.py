"""Stats: one number at the end of the time, in its colour."""

from __future__ import annotations

import re
from typing import Any

import pytest

from observe.clients.prometheus import Instant
from tests.preview.boards import END, Told, board, instant, now, only, panel, prepared, series, target

STEPS = {"mode": "absolute", "steps": [{"color": "green", "value": None}, {"color": "red", "value": 0.02}]}
JUDGED = {"color": {"mode": "thresholds"}, "thresholds": STEPS, "unit": "percentunit", "noValue": "no traffic"}


def stat(query: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    return panel("stat", query or instant(legendFormat="{{a}}"), **{"defaults": JUDGED} | settings)


@pytest.mark.parametrize(("value", "colour"), [(0.0199, "#73BF69"), (0.02, "#F2495C"), (1, "#F2495C")])
def test_a_value_has_the_colour_of_its_threshold(value: float, colour: str) -> None:
    body = only(board(stat()), Told({"up": [now(value)]})).drawn.body
    assert f"color:{colour}" in body


def test_number_and_unit() -> None:
    body = only(board(stat()), Told({"up": [now(0.0123)]})).drawn.body
    assert ">1.23<small>%</small></span>" in body


def test_without_data_it_says_what_that_means() -> None:
    shown = only(board(stat()), Told())
    assert shown.drawn.body == '<p class="nothing">no traffic</p>'
    assert only(board(stat(defaults={})), Told()).drawn.body == '<p class="nothing">No data</p>'


def test_it_is_asked_for_at_the_end_of_the_time() -> None:
    assert prepared(board(stat()), Told()).questions == (Instant("up", END),)


def test_several_series_have_their_names() -> None:
    body = only(board(stat()), Told({"up": [now(0.01, a="x"), now(0.5, a="y")]})).drawn.body
    assert re.findall(r'class="name">(\w)<', body) == ["x", "y"]


@pytest.mark.parametrize(
    ("calc", "text"), [("lastNotNull", "4"), ("max", "5"), ("mean", "3.33"), ("min", "1"), ("sum", "10")]
)
def test_a_range_is_reduced_to_one_number(calc: str, text: str) -> None:
    made = stat(target(), defaults={"unit": "none"}, options={"reduceOptions": {"calcs": [calc]}})
    assert f">{text}<small>" in only(board(made), Told({"up": [series(1, 5, 4)]})).drawn.body


@pytest.mark.parametrize(
    ("mapping", "value", "text"),
    [
        ({"type": "value", "options": {"1": {"text": "yes", "color": "green"}}}, 1, "yes"),
        ({"type": "range", "options": {"from": 0.5, "to": 2, "result": {"text": "some"}}}, 1, "some"),
        ({"type": "range", "options": {"from": 2, "result": {"text": "some"}}}, 1, "100"),
        ({"type": "special", "options": {"match": "nan", "result": {"text": "none"}}}, float("nan"), "none"),
    ],
)
def test_words_stand_for_values(mapping: dict[str, Any], value: float, text: str) -> None:
    body = only(board(stat(defaults=JUDGED | {"mappings": [mapping]})), Told({"up": [now(value)]})).drawn.body
    assert f">{text}<" in body


def test_a_background_takes_the_colour() -> None:
    body = only(board(stat(options={"colorMode": "background"})), Told({"up": [now(1)]})).drawn.body
    assert 'style="background:#F2495C"' in body
