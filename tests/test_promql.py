"""PromQL as it is printed, judged by a real Prometheus: what it parses, and what it matches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observe.promql import (
    Aggregation,
    Binary,
    Expr,
    Function,
    Matcher,
    Number,
    Operator,
    Selector,
    Text,
    before,
    equal,
    escape_regex,
    keeping,
    keeps,
    label_from,
    matching_on,
    or_zero,
    quantile,
    quote,
    rate,
    ratio,
    selected,
    sum_by,
    tagged,
    union,
)

if TYPE_CHECKING:
    from tests.servers.prometheus_server import PrometheusServer

A, B, C = Selector("a"), Selector("b"), Selector("c")
IN_A_SERVER = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
values = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
"""Anything that can be written in UTF-8."""
hostile = st.text(st.sampled_from("\\\"'`{}[]()|.*+?^$,=~!#\n\r\t \0a"), max_size=20)
"""What means something to PromQL or to a regular expression."""
texts = values | hostile


def parsed(server: PrometheusServer, expression: Expr) -> Any:
    """Prometheus' own syntax tree."""
    answer = server.get("/api/v1/parse_query", query=str(expression)).json()
    assert answer["status"] == "success", f"{expression}: {answer}"
    return answer["data"]


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (A, "a"),
        (Selector("a", (Matcher("l", "=~", "x|y"), Matcher("m", "!=", ""))), 'a{l=~"x|y", m!=""}'),
        (Selector("a", equal({"l": "x", "m": "y"})).over("5m"), 'a{l="x", m="y"}[5m]'),
        (A.where(Matcher("l", "=", "x")).where(Matcher("m", "!~", "y")), 'a{l="x", m!~"y"}'),
        (rate(A, "2m"), "rate(a[2m])"),
        (sum_by(("l", "m"), A), "sum by (l, m) (a)"),
        (sum_by((), A), "sum (a)"),
        (Aggregation("topk", ("l",), A, Number(5)), "topk by (l) (5, a)"),
        (union(A, B, C), "a or b or c"),
        (union(A), "a"),
        (Binary("-", Binary("-", A, B), C), "(a - b) - c"),
        (Binary("-", A, Binary("-", B, C)), "a - (b - c)"),
        (Binary("*", union(A, B), C), "(a or b) * c"),
        (Binary("or", A, union(B, C)), "a or (b or c)"),
        (Binary("or", Binary("or", A, B, "on (l)"), C), "(a or on (l) b) or c"),
        (Binary("and", Binary(">", A, Number(0.05)), B), "(a > 0.05) and b"),
        (Binary("/", A, B, "on (l) group_left (m)"), "a / on (l) group_left (m) b"),
        (or_zero(A, B), "a or (0 * b)"),
        (ratio(A, B), "a / (b > 0)"),
        (quantile(0.99, A), "histogram_quantile(0.99, a)"),
        (label_from(A, "to", "from", "(.+)[|].*"), 'label_replace(a, "to", "$1", "from", "(.+)[|].*")'),
        (tagged(A, "kind", "x"), 'label_replace(a, "kind", "x", "", "")'),
        (Number(0.1 + 0.2), "0.3"),
        (Number(2_000), "2000"),
        (Number(1e-6), "1e-06"),
    ],
    ids=str,
)
def test_expression_is_printed_on_one_line_and_prometheus_can_read_it(
    prometheus_server: PrometheusServer, expression: Expr, text: str
) -> None:
    assert str(expression) == text
    parsed(prometheus_server, expression)


expressions = st.recursive(
    st.sampled_from([A, B, C, Number(2)]),
    lambda inner: (
        st.builds(Binary, st.sampled_from(["+", "-", "*", "/", "^", "%"]), inner, inner)
        | st.builds(lambda operand: Function("abs", (Binary("+", A, operand),)), inner)
        | st.builds(lambda operand: sum_by(("l",), Binary("+", A, operand)), inner)
    ),
    max_leaves=8,
)


def shape(tree: Any) -> Any:
    """Prometheus' tree without what the model does not have: parentheses and details."""
    match tree["type"]:
        case "parenExpr":
            return shape(tree["expr"])
        case "binaryExpr":
            return tree["op"], shape(tree["lhs"]), shape(tree["rhs"])
        case "call":
            return tree["func"]["name"], *map(shape, tree["args"])
        case "aggregation":
            return tree["op"], shape(tree["expr"])
        case "vectorSelector":
            return tree["name"]
        case _:
            return float(tree["val"])


def shape_of(expression: Expr) -> Any:
    match expression:
        case Binary():
            return expression.operator, shape_of(expression.left), shape_of(expression.right)
        case Function():
            return expression.name, *map(shape_of, expression.arguments)
        case Aggregation():
            return expression.operator, shape_of(expression.operand)
        case Selector():
            return expression.metric
        case Number() | Text():
            return expression.value


@IN_A_SERVER
@given(expressions)
def test_prometheus_groups_operands_as_they_were_meant(prometheus_server: PrometheusServer, expression: Expr) -> None:
    """Whatever the operators' precedence, and though `^` groups to the right."""
    assert shape(parsed(prometheus_server, expression)) == shape_of(expression)


@IN_A_SERVER
@given(st.lists(st.tuples(st.sampled_from(["=", "!="]), texts), min_size=1, max_size=4))
def test_prometheus_reads_back_the_value_of_every_matcher(
    prometheus_server: PrometheusServer, pairs: list[tuple[Operator, str]]
) -> None:
    matchers = tuple(Matcher(f"l{number}", operator, value) for number, (operator, value) in enumerate(pairs))
    tree = parsed(prometheus_server, Selector("a", matchers))
    read = {(found["name"], found["type"], found["value"]) for found in tree["matchers"]}
    assert read == {("__name__", "=", "a"), *((one.label, one.operator, one.value) for one in matchers)}


@IN_A_SERVER
@given(texts.filter(bool), texts)
def test_escaped_text_is_a_pattern_that_matches_just_it(
    prometheus_server: PrometheusServer, text: str, other: str
) -> None:
    """A series whose label is `text`, and one whose label is `other`: which of them does the pattern match?"""
    pattern = escape_regex(text)
    for value in {text, other} - {""}:
        labelled = tagged(Function("vector", (Number(1),)), "l", value.replace("$", "$$"))
        found = prometheus_server.query(f'label_replace({labelled}, "hit", "yes", "l", {quote(pattern)})')
        assert found[0]["metric"]["l"] == value
        assert (found[0]["metric"].get("hit") == "yes") == (value == text)


@IN_A_SERVER
@given(texts)
def test_text_arguments_arrive_as_they_are(prometheus_server: PrometheusServer, text: str) -> None:
    tree = parsed(prometheus_server, Function("label_replace", (A, Text("l"), Text("x"), Text("m"), Text(text))))
    assert tree["args"][4]["val"] == text


def test_ratio_of_nothing_is_nothing_and_not_a_number(prometheus_server: PrometheusServer) -> None:
    """Zero by zero would be NaN, which no comparison holds for and no panel can show."""
    none, some = (Function("vector", (Number(value),)) for value in (0, 4))
    assert prometheus_server.query(str(ratio(none, none))) == []
    assert prometheus_server.query(str(ratio(none, some)))[0]["value"][1] == "0"


def test_no_failures_are_zero_failures(prometheus_server: PrometheusServer) -> None:
    missing, some = Selector("absent_metric"), Function("vector", (Number(4),))
    assert prometheus_server.query(str(or_zero(missing, some)))[0]["value"][1] == "0"
    assert prometheus_server.query(str(or_zero(missing, missing))) == []


def test_tag_keeps_both_of_two_series_with_equal_labels(prometheus_server: PrometheusServer) -> None:
    one, two = (Function("vector", (Number(value),)) for value in (1, 2))
    assert len(prometheus_server.query(str(union(one, two)))) == 1
    assert len(prometheus_server.query(str(union(tagged(one, "t", "a"), tagged(two, "t", "b"))))) == 2


def value(number: float, **labels: str) -> Expr:
    """A series out of nothing."""
    series: Expr = Function("vector", (Number(number),))
    for label, text in labels.items():
        series = tagged(series, label, text)
    return series


ONE, TWO = ({"c": "one"}, {"c": "two"})
FAILED = union(value(1, s="a", **ONE), value(3, s="a", **TWO), value(2, s="b", **TWO))
ALL = union(value(10, s="a", **ONE), value(5, s="a", **TWO), value(4, s="b", **TWO))
"""Two services, of which one runs in both clusters."""


def results(server: PrometheusServer, expression: Expr) -> dict[str, float]:
    found = server.query(str(expression))
    return {
        "/".join(text for _, text in sorted(series["metric"].items())): float(series["value"][1]) for series in found
    }


@pytest.mark.parametrize(
    ("expression", "mixed", "apart"),
    [
        (sum_by(("s",), ALL), {"a": 15, "b": 4}, {"one/a": 10, "two/a": 5, "two/b": 4}),
        (sum_by((), ALL), {"": 19}, {"one": 10, "two": 9}),
        (Aggregation("count", (), ALL), {"": 3}, {"one": 1, "two": 2}),
        (
            ratio(sum_by(("s",), FAILED), sum_by(("s",), ALL)),
            {"a": 4 / 15, "b": 0.5},
            {"one/a": 0.1, "two/a": 0.6, "two/b": 0.5},
        ),
        (
            Binary("and", ALL, Binary(">", sum_by(("s",), FAILED), Number(2.5)), matching_on("s")),
            {"one/a": 10, "two/a": 5},
            {"two/a": 5},
        ),
        (
            Binary("and", ALL, Binary(">", sum_by((), FAILED), Number(4)), matching_on()),
            {"one/a": 10, "two/a": 5, "two/b": 4},
            {"two/a": 5, "two/b": 4},
        ),
        (
            Binary("*", ALL, sum_by(("s",), FAILED), "on (s) group_left ()"),
            {"one/a": 40, "two/a": 20, "two/b": 8},
            {"one/a": 10, "two/a": 15, "two/b": 8},
        ),
        (Aggregation("topk", (), ALL, Number(1)), {"one/a": 10}, {"one/a": 10}),
        (Aggregation("topk", ("s",), ALL, Number(1)), {"one/a": 10, "two/b": 4}, {"one/a": 10, "two/a": 5, "two/b": 4}),
        (tagged(sum_by((), ALL), "s", "x"), {"x": 19}, {"one/x": 10, "two/x": 9}),
    ],
    ids=["sum", "sum of all", "count", "ratio", "and", "and on nothing", "group_left", "topk", "topk by", "function"],
)
def test_what_keeps_a_label_is_worked_out_for_each_of_its_values(
    prometheus_server: PrometheusServer, expression: Expr, mixed: dict[str, float], apart: dict[str, float]
) -> None:
    """One Prometheus of several clusters: without it, what they have in common is added up, and compared crosswise."""
    assert results(prometheus_server, expression) == pytest.approx(mixed)
    assert results(prometheus_server, keeping(expression, "c")) == pytest.approx(apart)


@pytest.mark.parametrize(
    ("expression", "kept"),
    [
        (A, True),
        (rate(A, "5m"), True),
        (sum_by(("l",), A), False),
        (sum_by(("c", "l"), A), True),
        (Aggregation("topk", (), A, Number(3)), True),
        (Aggregation("topk", (), sum_by(("l",), A), Number(3)), False),
        (ratio(sum_by((), A), sum_by((), B)), False),
        (or_zero(sum_by((), A), B), True),
        (Binary("-", Number(1), sum_by((), A)), False),
        (tagged(sum_by((), A), "l", "x"), False),
        (keeping(sum_by((), A), "c"), True),
    ],
    ids=str,
)
def test_it_is_known_whether_a_label_is_left(expression: Expr, *, kept: bool) -> None:
    assert keeps(expression, "c") is kept


def test_every_selector_is_narrowed_and_moved_wherever_it_stands() -> None:
    expression = ratio(sum_by(("l",), rate(A, "5m")), Aggregation("topk", (), union(B, C), Number(2)))
    narrowed = selected(expression, Matcher("c", "=~", "$cluster"))
    assert str(narrowed) == (
        'sum by (l) (rate(a{c=~"$cluster"}[5m])) / (topk (2, b{c=~"$cluster"} or c{c=~"$cluster"}) > 0)'
    )
    assert str(before(expression, "1d")) == (
        "sum by (l) (rate(a[5m] offset 1d)) / (topk (2, b offset 1d or c offset 1d) > 0)"
    )
