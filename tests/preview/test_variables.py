"""Variables: what is chosen at first, and what queries and titles become with it."""

from __future__ import annotations

from typing import Any

import pytest

from observe.clients.prometheus import QueryFailed, Range
from observe.preview.time_range import Resolution, TimeRange, resolution, seconds
from observe.preview.variables import Variables, variables
from tests.preview.boards import END, Told, board, drawn, instant, panel, prepared, target

HOUR = TimeRange(END, 3600)


def chosen(*found: dict[str, Any], **values: tuple[str, ...]) -> Variables:
    told = Told(values={key.replace("_of_", " of "): value for key, value in values.items()})
    return variables(
        board(templating={"list": list(found)}),
        HOUR,
        lambda label, match: told.label_values(label, match, HOUR.start, HOUR.end),
    )


def variable(name: str, kind: str, query: Any, **settings: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "query": query, "current": {}} | settings


NAMESPACE = variable("namespace", "query", {"query": "label_values(up, ns)"}, multi=True, includeAll=True)


@pytest.mark.parametrize(
    ("found", "query", "text"),
    [
        pytest.param(NAMESPACE | {"allValue": ".+", "current": {"value": ["$__all"]}}, ".+", "All", id="all, as said"),
        pytest.param(NAMESPACE, "(a\\\\.b|c)", "All", id="all, one by one"),
        pytest.param(NAMESPACE | {"current": {"value": ["c"]}}, "c", "c", id="one of many"),
        pytest.param(NAMESPACE | {"current": {"value": ["c", "d+"]}}, "(c|d\\\\+)", "c + d+", id="some of many"),
        pytest.param(
            NAMESPACE | {"current": {"value": ["a\\b"]}}, "a" + "\\" * 4 + "b", "a\\b", id="a backslash, escaped twice"
        ),
        pytest.param(NAMESPACE | {"multi": False, "includeAll": False}, "a.b", "a.b", id="a single one: the first"),
        pytest.param(variable("namespace", "constant", 'x"\\'), 'x\\"\\\\', 'x"\\', id="constant, quoted"),
        pytest.param(variable("namespace", "textbox", "y"), "y", "y", id="textbox"),
        pytest.param(variable("namespace", "custom", "k, l"), "k", "k", id="custom"),
        pytest.param(variable("namespace", "custom", "k,l", includeAll=True), "(k|l)", "All", id="custom, all"),
        pytest.param(
            variable("namespace", "interval", "1m,5m", current={"value": "5m"}), "5m", "5m", id="interval, saved"
        ),
        pytest.param(variable("namespace", "datasource", "prometheus"), "Prometheus", "Prometheus", id="data source"),
    ],
)
def test_what_is_chosen_at_first(found: dict[str, Any], query: str, text: str) -> None:
    filled = chosen(found, ns_of_up=("a.b", "c"))
    assert filled.in_query("{x=~'$namespace'}") == f"{{x=~'{query}'}}"
    assert filled.in_text("in ${namespace}") == f"in {text}"


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("$ns ${ns} [[ns]]", "(a|b) (a|b) (a|b)"),
        ("${ns:pipe} ${ns:csv} ${ns:raw}", "a|b a,b a,b"),
        ("${ns:percentencode}", "a%2Cb"),
        ("$nsx $1 ${__data.fields.ns}", "$nsx $1 ${__data.fields.ns}"),
    ],
)
def test_every_way_to_refer_to_a_variable(text: str, filled: str) -> None:
    assert chosen(variable("ns", "custom", "a,b", includeAll=True)).in_query(text) == filled


def test_a_variable_may_need_an_earlier_one() -> None:
    cluster = variable("cluster", "custom", "east")
    found = variable("ns", "query", 'label_values(up{c="$cluster"}, ns)')
    told = Told(values={'ns of up{c="east"}': ("n",)})
    both = prepared(board(panel("stat", instant("$ns")), templating={"list": [cluster, found]}), told)
    assert both.questions[0].expr == "n"


def test_what_cannot_be_filled_is_said_on_the_dashboard() -> None:
    def failing(*_: object) -> tuple[str, ...]:
        raise QueryFailed("no such label")

    found = variables(board(templating={"list": [NAMESPACE]}), HOUR, failing)
    assert found.choices[0].note == "the variable $namespace is not filled: no such label"
    other = variable("pods", "query", "query_result(up)")
    (note,) = drawn(board(templating={"list": [other]}), Told()).notes
    assert note == "the variable $pods of the kind query (query_result(up)) is not filled"


def test_intervals_are_those_of_grafana() -> None:
    expr = "$__rate_interval $__interval $__interval_ms $__range $__range_s ${__rate_interval} $__from"
    told = Told()
    one = prepared(board(panel("timeseries", target(expr, interval="15s"))), told)
    assert one.questions[0].expr == f"60s 15s 15000 3600s 3600 60s {(END - 3600) * 1000:.0f}"


@pytest.mark.parametrize(
    ("length", "points", "least", "expected"),
    [
        pytest.param(3600, 720, 15, Resolution(15, 60), id="never finer than the scrape interval"),
        pytest.param(3600, 720, None, Resolution(15, 60), id="which is 15 s where nothing is said"),
        pytest.param(86400, 720, 15, Resolution(120, 135), id="a window reaches back over one more scrape"),
        pytest.param(7 * 86400, 1440, 30, Resolution(300, 330), id="a week: rounded down from 420 s"),
        pytest.param(3600, 720, 60, Resolution(60, 240), id="four scrapes at least"),
        pytest.param(30 * 86400, 10**9, 1, Resolution(236, 237), id="never more points than Prometheus gives"),
    ],
)
def test_resolution(length: float, points: int, least: float | None, expected: Resolution) -> None:
    assert resolution(length, points, least) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("1h30m", 5400), (">15s", 15), ("250ms", 0.25), ("15", 15), ("7d", 604800), ("", None), ("x", None)],
)
def test_durations(text: str, expected: float | None) -> None:
    assert seconds(text) == expected


def test_range_queries_begin_at_multiples_of_their_step() -> None:
    """So that the same points are asked for a moment later."""
    told = Told()
    one = prepared(board(panel("timeseries", target(interval="45s"))), told)
    (asked,) = one.questions
    assert isinstance(asked, Range)
    assert (asked.step, asked.start % 45, asked.end % 45) == (45, 0, 0)
