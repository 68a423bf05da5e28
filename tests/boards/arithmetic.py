"""What a panel's query must give, worked out from what each record must be: PromQL on bounds instead of values.

It knows as much of PromQL as panels use, and nothing of Prometheus. In the worlds that it is asked about everything is
the same all the time, so what an expression gives over a range follows from what it gives now.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

from observe.promql import Aggregation, Binary, Function, Number, Selector, sum_by
from tests.signals.expected import About, about

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from observe.promql import Expr, Matcher
    from tests.signals.expected import Expected, Key


@dataclass(frozen=True, slots=True)
class Bound:
    """A series' value, and whether it is there for sure: a comparison may hold, where the bounds include its limit."""

    value: About
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Given:
    """What a query gives."""

    series: Mapping[Key, Bound]
    most: int | None = None
    """Of the series only so many: the largest, or the smallest."""

    def problems(self, found: Mapping[Key, float]) -> list[str]:
        """What of an answer is not as it must be."""
        wrong = [f"{_said(key)} is there" for key in found if key not in self.series]
        wrong += [
            f"{_said(key)}: {value}, not {self.series[key].value}"
            for key, value in found.items()
            if key in self.series and value not in self.series[key].value
        ]
        sure = [key for key, bound in self.series.items() if bound.sure]
        if self.most is None:
            return wrong + [f"{_said(key)} is missing: {self.series[key].value}" for key in sure if key not in found]
        least = min(self.most, len(sure))
        return wrong if least <= len(found) <= self.most else [*wrong, f"{len(found)} series, not {least}"]


@dataclass(frozen=True)
class Arithmetic:
    """Evaluates expressions at the last scrape."""

    records: Mapping[str, Expected]
    fill: Callable[[str], str]
    """Puts the values of a dashboard's variables into a text."""
    evaluations: Callable[[str], float]
    """How often a record was evaluated in a range of this length."""
    raw: Mapping[str, Expected] = field(default_factory=dict)
    """Series that no rule of ours records."""

    def given(self, expression: Expr) -> Given:
        match expression:
            case Aggregation("topk" | "bottomk", _, operand, Number(most)):
                return Given(self._vector(operand), int(most))
            case Aggregation("sum", labels, Aggregation("topk" | "bottomk", _, operand, Number(most))):
                # As tables have it: of each row there is one.
                return Given(self._vector(sum_by(labels, operand)), int(most))
        return Given(self._vector(expression))

    def _vector(self, expression: Expr) -> dict[Key, Bound]:
        match expression:
            case Selector():
                return self._selected(expression)
            case Aggregation():
                return self._aggregated(expression)
            case Binary():
                return self._combined(expression)
            case Function():
                return self._called(expression)
        raise NotImplementedError(f"{expression} gives no series")

    def _selected(self, selector: Selector) -> dict[Key, Bound]:
        known = self.records.get(selector.metric, self.raw.get(selector.metric))
        if known is None:
            raise NotImplementedError(f"{selector.metric} is no record")
        if selector.offset:
            assert re.fullmatch(r"\d+[dw]", self.fill(selector.offset)), "nothing is so old"
            return {}
        return {
            key: Bound(value)
            for key, value in known.items()
            if all(self._matches(matcher, dict(key).get(matcher.label, "")) for matcher in selector.matchers)
        }

    def _matches(self, matcher: Matcher, value: str) -> bool:
        wanted = self.fill(matcher.value)
        match matcher.operator:
            case "=":
                return value == wanted
            case "!=":
                return value != wanted
            case "=~":
                return re.fullmatch(wanted, value) is not None
        return re.fullmatch(wanted, value) is None

    def _aggregated(self, aggregation: Aggregation) -> dict[Key, Bound]:
        groups: dict[Key, list[Bound]] = {}
        for key, bound in self._vector(aggregation.operand).items():
            group = frozenset((name, value) for name, value in key if name in aggregation.labels)
            groups.setdefault(group, []).append(bound)
        return {key: _together(aggregation.operator, bounds) for key, bounds in groups.items()}

    def _combined(self, binary: Binary) -> dict[Key, Bound]:
        assert not binary.matching, f"{binary}: sides are matched by all labels here"
        if binary.operator == "or":
            left, right = self._vector(binary.left), self._vector(binary.right)
            return {key: _either(left.get(key), right.get(key)) for key in left.keys() | right.keys()}
        if isinstance(binary.left, Number):
            return {
                key: Bound(_calculated(binary.operator, about(binary.left.value), bound.value), bound.sure)
                for key, bound in self._vector(binary.right).items()
            }
        left = self._vector(binary.left)
        if isinstance(binary.right, Number):
            limit = about(binary.right.value)
            found = {key: _with(binary.operator, bound, Bound(limit)) for key, bound in left.items()}
        else:
            right = self._vector(binary.right)
            found = {key: _with(binary.operator, left[key], right[key]) for key in left.keys() & right.keys()}
        return {key: bound for key, bound in found.items() if bound is not None}

    def _called(self, function: Function) -> dict[Key, Bound]:
        if function.name == "histogram_quantile":
            share, buckets = function.arguments
            assert isinstance(share, Number)
            return _quantiles(share.value, self._vector(buckets))
        (series,) = function.arguments
        assert isinstance(series, Selector)
        assert series.range
        count = self.evaluations(self.fill(series.range))
        return {
            key: Bound(_over(function.name, bound.value, count), bound.sure)
            for key, bound in self._selected(series).items()
        }


def _over(function: str, value: About, count: float) -> About:
    """Over a range in which a record had the same value so many times, but that its first minutes are in it as well."""
    match function:
        case "sum_over_time":
            return About(value.least * count * 0.9, value.most * count * 1.05)
        case "min_over_time":
            return About(value.least - 0.05, value.most)
    raise NotImplementedError(function)


def _together(operator: str, bounds: list[Bound]) -> Bound:
    sure = any(bound.sure for bound in bounds)
    values = [bound.value for bound in bounds]
    if operator == "count":
        return Bound(About(sum(bound.sure for bound in bounds), len(bounds)), sure)
    if operator == "sum":
        least = sum(bound.value.least for bound in bounds if bound.sure or bound.value.least < 0)
        most = sum(bound.value.most for bound in bounds if bound.sure or bound.value.most > 0)
        return Bound(_rounded(About(least, most)), sure)
    chosen = {"min": min, "max": max}[operator]
    return Bound(About(chosen(value.least for value in values), chosen(value.most for value in values)), sure)


def _either(left: Bound | None, right: Bound | None) -> Bound:
    """The left one, where it is there."""
    if left is None or right is None:
        return next(bound for bound in (left, right) if bound is not None)
    if left.sure:
        return left
    hull = About(min(left.value.least, right.value.least), max(left.value.most, right.value.most))
    return Bound(hull, right.sure)


def _with(operator: str, left: Bound, right: Bound) -> Bound | None:
    sure = left.sure and right.sure
    name, _, boolean = operator.partition(" ")
    if name not in ("<", ">"):
        return Bound(_calculated(name, left.value, right.value), sure)
    low, high = (right.value, left.value) if name == ">" else (left.value, right.value)
    always, never = low.most < high.least, low.least >= high.most
    if boolean:
        return Bound(About(float(always), float(not never)), sure)
    return None if never else Bound(left.value, sure and always)


def _calculated(operator: str, left: About, right: About) -> About:
    match operator:
        case "+":
            return About(left.least + right.least, left.most + right.most)
        case "-":
            return About(left.least - right.most, left.most - right.least)
        case "*":
            ends = [a * b for a in (left.least, left.most) for b in (right.least, right.most)]
        case "/":
            # What is divided by is above zero, or would not be there.
            divisors = (max(right.least, right.most * 1e-9), right.most)
            ends = [a / b for a in (left.least, left.most) for b in divisors]
        case _:
            raise NotImplementedError(operator)
    return _rounded(About(min(ends), max(ends)))


def _rounded(value: About) -> About:
    """Sums in another order differ in the last digits."""
    slack = 1e-9 * max(abs(value.least), abs(value.most))
    return About(value.least - slack, value.most + slack)


def _quantiles(share: float, buckets: Mapping[Key, Bound]) -> dict[Key, Bound]:
    groups: dict[Key, dict[float, Bound]] = {}
    for key, bound in buckets.items():
        rest = frozenset(pair for pair in key if pair[0] != "le")
        groups.setdefault(rest, {})[float(dict(key)["le"])] = bound
    return {key: Bound(_quantile(share, group)) for key, group in groups.items()}


def _quantile(share: float, buckets: Mapping[float, Bound]) -> About:
    """Between the limits of the first and the last bucket that it may lie in; the open one has the limit below."""
    limits = sorted(buckets)
    whole = buckets[math.inf].value
    first = next(limit for limit in limits if buckets[limit].value.most >= share * whole.least)
    last = next((limit for limit in limits if buckets[limit].value.least >= share * whole.most), math.inf)
    below = max((limit for limit in limits if limit < first), default=0.0)
    return About(below, reduce(max, (limit for limit in limits if limit <= last and limit < math.inf), 0.0))


def _said(key: Key) -> str:
    return "{" + ", ".join(f"{name}={value}" for name, value in sorted(key)) + "}"
