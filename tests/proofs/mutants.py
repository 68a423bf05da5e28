"""Ways to break a rule: each changes one thing about it, and must be noticed.

The changes are made to expressions as values, so every mutant is a rule that Prometheus takes, or one that it refuses,
which counts as noticed too. Changes that cannot change anything are not made: in `a{x="1"} and b{x="1"}` either of the
matchers is enough.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from observe.alerting import Alert, Record
from observe.model import format_duration
from observe.promql import Aggregation, Binary, Expr, Function, Matcher, Number, Selector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Rule = Alert | Record

OPPOSITE: Final = {">": "<=", "<": ">=", ">=": "<", "<=": ">", "==": "!="}
SETS: Final = {"and": ("or", "unless"), "unless": ("and",), "or": ("and",)}
ARITHMETIC: Final = {"+": "-", "-": "+", "*": "/", "/": "*"}
AGGREGATIONS: Final = {
    "sum": "max", "max": "min", "min": "max", "count": "max", "group": "sum", "topk": "bottomk",
}  # fmt: skip
FUNCTIONS: Final = {
    "rate": "irate", "increase": "rate", "sum_over_time": "max_over_time", "max_over_time": "min_over_time",
    "last_over_time": "count_over_time", "absent": "sum",
}  # fmt: skip
REPORTERS: Final = {"source": "destination", "destination": "source", "waypoint": "source"}
DURATION: Final = re.compile(r"(\d+)(ms|s|m|h|d)")
MILLISECONDS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
SENTENCE: Final = re.compile(r"\{\{ range query .*?\. \{\{ end \}\}", re.DOTALL)
METRIC: Final = re.compile(r"\b[a-z_]+:[a-z0-9_]+:[a-z0-9_]+\b")
COUNTING: Final = re.compile(r".*:(?:rate(?P<minutes>\d+)m|increase1h)")
"""Records that say how many events there were."""
FORMAT: Final = re.compile(r"\| humanize\w*")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A rule with one thing changed."""

    kind: str
    """What kind of thing."""
    change: str
    """What was changed into what, and where if it stands there several times."""
    original: Rule
    rule: Rule

    @property
    def name(self) -> str:
        severity = f" ({self.original.severity})" if isinstance(self.original, Alert) else ""
        return f"{self.original.name}{severity}: {self.kind}: {self.change}"


def mutants(rule: Rule, records: Sequence[str]) -> tuple[Mutant, ...]:
    """All mutants of a rule; `records` are the names that one may be confused with."""
    found: dict[str, Mutant] = {}
    for kind, change, changed in (*_of_expression(rule, records), *_of_alert(rule)):
        times = sum(name.partition(" #")[0] == f"{kind}: {change}" for name in found)
        told = f"{change} #{times + 1}" if times else change
        if changed != rule and str(changed) not in {str(one.rule) for one in found.values()}:
            found[f"{kind}: {told}"] = Mutant(kind, told, rule, changed)
    return tuple(found.values())


def _of_expression(rule: Rule, records: Sequence[str]) -> Iterator[tuple[str, str, Rule]]:
    for kind, change, expression in _changed(rule.expression, records):
        yield kind, change, replace(rule, expression=expression)


def _of_alert(rule: Rule) -> Iterator[tuple[str, str, Rule]]:
    if not isinstance(rule, Alert):
        return
    for factor in (0.5, 2):
        hold = round(rule.hold * factor)
        yield "for", f"{format_duration(rule.hold)} -> {format_duration(hold)}", replace(rule, hold=hold)
    other = {"critical": "warning", "warning": "critical"}[rule.severity]
    labels = tuple((name, other if name == "severity" else value) for name, value in rule.labels)
    yield "severity", f"{rule.severity} -> {other}", replace(rule, labels=labels)
    for name, _ in rule.labels:
        if name != "severity":
            yield "label", f"without {name}", replace(rule, labels=tuple(one for one in rule.labels if one[0] != name))
    for name, text in rule.annotations:
        for place, changed in enumerate(_other_texts(text)):
            annotations = tuple((key, changed if key == name else value) for key, value in rule.annotations)
            yield "text", f"{name} {place}", replace(rule, annotations=annotations)


def _other_texts(text: str) -> Iterator[str]:
    """Without one of its sentences; with a number written in another way; with another selector in a query."""
    for sentence in SENTENCE.finditer(text):
        yield text.replace(sentence[0], "", 1)
    for number in FORMAT.finditer(text):
        yield text[: number.start()] + '| printf "%.5f"' + text[number.end() :]
    for matcher in re.finditer(r'(destination_service_name|source_workload)=(~?)"', text):
        yield text[: matcher.start()] + matcher[1] + ("!~" if matcher[2] else "!=") + '"' + text[matcher.end() :]


def _changed(expression: Expr, records: Sequence[str]) -> Iterator[tuple[str, str, Expr]]:
    """The expression with one thing changed, with what kind of thing, and how."""
    match expression:
        case Selector():
            yield from _of_selector(expression, records)
        case Number(value):
            for factor in (0.8, 1.2):
                yield "number", f"{value:g} x {factor:g}", Number(value * factor)
        case Function(name, arguments):
            if name in FUNCTIONS:
                yield "function", f"{name} -> {FUNCTIONS[name]}", replace(expression, name=FUNCTIONS[name])
            yield from _inside(arguments, records, lambda those: Function(name, tuple(those)))
        case Aggregation():
            yield from _of_aggregation(expression, records)
        case Binary():
            yield from _of_binary(expression, records)


def _inside(
    parts: Sequence[Expr], records: Sequence[str], build: Callable[[Sequence[Expr]], Expr]
) -> Iterator[tuple[str, str, Expr]]:
    for place, part in enumerate(parts):
        for kind, change, changed in _changed(part, records):
            yield kind, change, build((*parts[:place], changed, *parts[place + 1 :]))


def _of_selector(selector: Selector, records: Sequence[str]) -> Iterator[tuple[str, str, Expr]]:
    for matcher in selector.matchers:
        rest = tuple(one for one in selector.matchers if one != matcher)
        yield "matcher", f"{selector.metric} without {matcher}", replace(selector, matchers=rest)
        kind = "reporter" if matcher.label == "reporter" else "matcher"
        for other in _other(matcher):
            yield kind, f"{selector.metric}: {matcher} -> {other}", replace(selector, matchers=(*rest, other))
    if selector.range:
        yield from _of_window(selector)
    if selector.offset:
        yield "window", f"{selector.metric} without offset", replace(selector, offset=None)
    if selector.metric in records:
        other_name = records[(records.index(selector.metric) + 1) % len(records)]
        yield "record", f"{selector.metric} -> {other_name}", replace(selector, metric=other_name)


def _of_window(selector: Selector) -> Iterator[tuple[str, str, Expr]]:
    window, colon, step = (selector.range or "").partition(":")
    for factor in (0.5, 2):
        other = _scaled(window, factor)
        yield "window", f"{selector.metric}[{selector.range}] -> {other}", replace(selector, range=other + colon + step)


def _scaled(window: str, factor: float) -> str:
    total = sum(int(number) * MILLISECONDS[unit] for number, unit in DURATION.findall(window))
    return f"{round(total * factor)}ms"


def _other(matcher: Matcher) -> Iterator[Matcher]:
    if matcher.value in REPORTERS:
        yield replace(matcher, value=REPORTERS[matcher.value])
        return
    opposite = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}
    yield replace(matcher, operator=opposite[matcher.operator])  # type: ignore[arg-type]
    if matcher.operator in ("=~", "!~") and "|" in matcher.value and "(" not in matcher.value:
        first, _, rest = matcher.value.partition("|")
        yield replace(matcher, value=rest)
        yield replace(matcher, value=first)


def _of_aggregation(aggregation: Aggregation, records: Sequence[str]) -> Iterator[tuple[str, str, Expr]]:
    if aggregation.operator in AGGREGATIONS:
        other = AGGREGATIONS[aggregation.operator]
        yield "aggregation", f"{aggregation.operator} -> {other}", replace(aggregation, operator=other)
    for label in aggregation.labels:
        rest = tuple(one for one in aggregation.labels if one != label)
        yield "aggregation", f"{aggregation.operator} without {label}", replace(aggregation, labels=rest)
    for kind, change, changed in _changed(aggregation.operand, records):
        yield kind, change, replace(aggregation, operand=changed)


def _of_binary(binary: Binary, records: Sequence[str]) -> Iterator[tuple[str, str, Expr]]:
    operator, left, right = binary.operator, binary.left, binary.right
    if operator in OPPOSITE:
        yield from _compared(binary, records)
        return
    for other in SETS.get(operator, ()):
        yield "set operator", f"{operator} {_short(right)} -> {other}", replace(binary, operator=other)
    if operator in SETS:
        yield "set operator", f"without {operator} {_short(right)}", left
        if operator == "or":
            yield "set operator", f"without {_short(left)} or", right
    if operator in ARITHMETIC:
        other = ARITHMETIC[operator]
        yield "arithmetic", f"{operator} {_short(right)} -> {other}", replace(binary, operator=other)
    if binary.matching:
        yield "matching", f"without {binary.matching}", replace(binary, matching="")
    yield from _sides(binary, records)


def _compared(binary: Binary, records: Sequence[str]) -> Iterator[tuple[str, str, Expr]]:
    operator, right = binary.operator, binary.right
    yield "comparison", f"{operator} -> {OPPOSITE[operator]}", replace(binary, operator=OPPOSITE[operator])
    if not isinstance(right, Number):
        yield from _sides(binary, records)
        return
    if right.value == 0:
        with_equal = f"{operator}=".replace("===", "!=")
        yield "comparison", f"{operator} 0 -> {operator}= 0", replace(binary, operator=with_equal)
        yield "threshold", f"{operator} 0 -> {operator} 1", replace(binary, right=Number(1))
    else:
        for value in _other_limits(right.value, binary.left):
            yield "threshold", f"{operator} {right} -> {value:g}", replace(binary, right=Number(value))
    for kind, change, changed in _changed(binary.left, records):
        yield kind, change, replace(binary, left=changed)


def _other_limits(value: float, compared: Expr) -> tuple[float, float]:
    """A limit that is a fifth lower or higher; of few events it is one more or less, since nothing happens in parts."""
    metric = None if isinstance(compared, Binary) else METRIC.search(str(compared))
    counting = metric and COUNTING.fullmatch(metric[0])
    if counting:
        seconds = 60 * int(counting["minutes"]) if counting["minutes"] else 1
        events = value * seconds
        step = max(1.0, 0.2 * events)
        return (events - step) / seconds, (events + step) / seconds
    return 0.8 * value, 1.2 * value


def _sides(binary: Binary, records: Sequence[str]) -> Iterator[tuple[str, str, Expr]]:
    left, right = binary.left, binary.right
    matched = binary.operator != "or" and not binary.matching
    for kind, change, changed in _changed(left, records):
        if not (matched and binary.operator != "unless" and _drops(change, right)):
            yield kind, change, replace(binary, left=changed)
    for kind, change, changed in _changed(right, records):
        if not (matched and _drops(change, left)):
            yield kind, change, replace(binary, right=changed)


def _drops(change: str, other: Expr) -> bool:
    """Whether the change leaves out a matcher that the other side has as well."""
    return any(change.endswith(f" without {matcher}") for matcher in _held(other))


def _held(expression: Expr) -> frozenset[Matcher]:
    """The matchers that the labels of every result satisfy."""
    match expression:
        case Selector():
            return frozenset(expression.matchers)
        case Aggregation(_, labels, operand):
            return frozenset(matcher for matcher in _held(operand) if matcher.label in labels)
        case Function(name, arguments) if name not in ("absent", "label_replace"):
            return frozenset[Matcher]().union(*map(_held, arguments))
        case Binary("or", left, right):
            return _held(left) & _held(right)
        case Binary(operator, left, right, matching):
            return _held(left) if matching or operator == "unless" else _held(left) | _held(right)
    return frozenset()


def _short(expression: Expr) -> str:
    text = re.sub(r"\{[^{}]*\}", "", str(expression))
    return text if len(text) <= 60 else f"{text[:57]}..."
