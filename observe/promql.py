"""PromQL as values: the only place that prints it, so escaping is right once and for all.

`str(expression)` gives one line. Operands of a binary operator are put in parentheses whenever they are binary
themselves: no reader has to recall precedence. Only chains of `or`, or of `and`, go without.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Operator = Literal["=", "!=", "=~", "!~"]


def quote(text: str) -> str:
    """A PromQL string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def escape_regex(text: str) -> str:
    """`text` as an RE2 pattern that matches just it."""
    return "".join(f"\\{char}" if char in r"\.+*?()|[]{}^$" else char for char in text)


@dataclass(frozen=True, slots=True)
class Matcher:
    """One label matcher. A value beginning with `$` is a dashboard variable and is passed through as any other."""

    label: str
    operator: Operator
    value: str

    def __str__(self) -> str:
        return f"{self.label}{self.operator}{quote(self.value)}"


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric with matchers, a range for a range vector, and how much earlier it is read."""

    metric: str
    matchers: tuple[Matcher, ...] = ()
    range: str | None = None
    offset: str | None = None

    def where(self, *more: Matcher) -> Selector:
        """The same series, fewer of them."""
        return replace(self, matchers=(*self.matchers, *more))

    def over(self, window: str) -> Selector:
        """The range vector over `window`."""
        return replace(self, range=window)

    def before(self, offset: str) -> Selector:
        """The same, so much earlier."""
        return replace(self, offset=offset)

    def __str__(self) -> str:
        labels = "{" + ", ".join(map(str, self.matchers)) + "}" if self.matchers else ""
        window = f"[{self.range}]" if self.range else ""
        return f"{self.metric}{labels}{window}" + (f" offset {self.offset}" if self.offset else "")


@dataclass(frozen=True, slots=True)
class Number:
    """A scalar."""

    value: float

    def __str__(self) -> str:
        return f"{self.value:.12g}"


@dataclass(frozen=True, slots=True)
class Text:
    """A string argument of a function."""

    value: str

    def __str__(self) -> str:
        return quote(self.value)


@dataclass(frozen=True, slots=True)
class Function:
    """A function call."""

    name: str
    arguments: tuple[Expr, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.arguments))})"


@dataclass(frozen=True, slots=True)
class Aggregation:
    """`sum by (a, b) (...)`."""

    operator: str
    labels: tuple[str, ...]
    operand: Expr
    parameter: Expr | None = None

    def __str__(self) -> str:
        by = f" by ({', '.join(self.labels)})" if self.labels else ""
        parameter = f"{self.parameter}, " if self.parameter is not None else ""
        return f"{self.operator}{by} ({parameter}{self.operand})"


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and an operator; `matching` is a clause such as `on (service)`."""

    operator: str
    left: Expr
    right: Expr
    matching: str = ""

    def __str__(self) -> str:
        clause = f" {self.matching}" if self.matching else ""
        left = str(self.left) if self._continues_a_chain() else self._operand(self.left)
        return f"{left} {self.operator}{clause} {self._operand(self.right)}"

    def _continues_a_chain(self) -> bool:
        if not isinstance(self.left, Binary) or self.operator not in ("or", "and"):
            return False
        return (self.left.operator, self.left.matching) == (self.operator, self.matching)

    @staticmethod
    def _operand(operand: Expr) -> str:
        return f"({operand})" if isinstance(operand, Binary) else str(operand)


Expr: TypeAlias = Selector | Number | Text | Function | Aggregation | Binary


def equal(labels: Mapping[str, str]) -> tuple[Matcher, ...]:
    """Matchers for exact values."""
    return tuple(Matcher(label, "=", value) for label, value in labels.items())


def rate(series: Selector, window: str) -> Function:
    """Per-second increase over `window`; counter resets are accounted for."""
    return Function("rate", (series.over(window),))


def sum_by(labels: tuple[str, ...], operand: Expr) -> Aggregation:
    """The sum over all labels but these."""
    return Aggregation("sum", labels, operand)


def union(first: Expr, *more: Expr) -> Expr:
    """`a or b or c`; right only for operands whose label sets differ, else the later one is dropped."""
    result = first
    for operand in more:
        result = Binary("or", result, operand)
    return result


def or_zero(part: Expr, whole: Expr) -> Binary:
    """`part`, and 0 where `whole` exists and `part` does not: nothing failed, which is not the same as no data."""
    return Binary("or", part, Binary("*", Number(0), whole))


def ratio(part: Expr, whole: Expr) -> Binary:
    """A share; no result where there is nothing to share."""
    return Binary("/", part, Binary(">", whole, Number(0)))


def label_from(operand: Expr, target: str, source: str, pattern: str) -> Function:
    """Copy the first group of `pattern`, matched on label `source`, to label `target`."""
    return Function("label_replace", (operand, Text(target), Text("$1"), Text(source), Text(pattern)))


def tagged(operand: Expr, label: str, value: str) -> Function:
    """Every series with one more label, so that `or` keeps both of two metrics with equal labels."""
    return Function("label_replace", (operand, Text(label), Text(value), Text(""), Text("")))


def over_time(function: str, series: Selector, window: str) -> Function:
    """`max_over_time(series[window])`; a window such as `6h:10m` looks every ten minutes."""
    return Function(f"{function}_over_time", (series.over(window),))


def matching_on(*labels: str) -> str:
    """The clause that compares two sides by these labels alone."""
    return f"on ({', '.join(labels)})"


SELECTING: Final = ("topk", "bottomk")
"""Aggregations that pick series and keep their labels."""


def keeping(expression: Expr, label: str) -> Expr:
    """The same, told apart by one more label wherever series are put together or compared."""
    match expression:
        case Aggregation(operator, labels, operand, parameter):
            kept = labels if operator in SELECTING and not labels else (label, *labels)
            return Aggregation(operator, kept, keeping(operand, label), parameter)
        case Binary(operator, left, right, matching):
            clause = matching.replace("on (", f"on ({label}, ").replace(f"({label}, )", f"({label})")
            return Binary(operator, keeping(left, label), keeping(right, label), clause)
        case Function(name, arguments):
            return Function(name, tuple(keeping(argument, label) for argument in arguments))
    return expression


def keeps(expression: Expr, label: str) -> bool:
    """Whether results still tell series apart by a label that all series have."""
    match expression:
        case Selector():
            return True
        case Aggregation(operator, labels, operand):
            return keeps(operand, label) if operator in SELECTING else label in labels
        case Binary(_, left, right):
            return keeps(left, label) or keeps(right, label)
        case Function(_, arguments):
            return any(keeps(argument, label) for argument in arguments)
    return False


def selected(expression: Expr, *matchers: Matcher) -> Expr:
    """The same of fewer series."""
    return _each_selector(expression, lambda selector: selector.where(*matchers))


def before(expression: Expr, offset: str) -> Expr:
    """The same, so much earlier."""
    return _each_selector(expression, lambda selector: selector.before(offset))


def _each_selector(expression: Expr, change: Callable[[Selector], Selector]) -> Expr:
    match expression:
        case Selector():
            return change(expression)
        case Aggregation(operator, labels, operand, parameter):
            return Aggregation(operator, labels, _each_selector(operand, change), parameter)
        case Binary(operator, left, right, matching):
            return Binary(operator, _each_selector(left, change), _each_selector(right, change), matching)
        case Function(name, arguments):
            return Function(name, tuple(_each_selector(argument, change) for argument in arguments))
    return expression


def quantile(share: float, buckets: Expr) -> Function:
    """A quantile of a classic histogram, interpolated inside the bucket that it falls into."""
    return Function("histogram_quantile", (Number(share), buckets))
