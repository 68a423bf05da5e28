"""Parts that conditions of alerts are put together from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from observe.promql import Aggregation, Binary, Expr, Function, Number, matching_on, over_time

if TYPE_CHECKING:
    from observe import policy
    from observe.promql import Selector


def above(value: Expr, limit: policy.Threshold) -> Expr:
    return Binary(">", value, Number(limit.value))


def below(value: Expr, limit: policy.Threshold) -> Expr:
    return Binary("<", value, Number(limit.value))


def guarded(condition: Expr, *guards: Expr) -> Expr:
    """The condition, where every guard holds as well. Its value stays the left side's."""
    for guard in guards:
        condition = Binary("and", condition, guard)
    return condition


def unless(condition: Expr, *exceptions: Expr) -> Expr:
    """The condition, where none of the exceptions holds."""
    for exception in exceptions:
        condition = Binary("unless", condition, exception)
    return condition


def while_there_is(condition: Expr, other: Expr) -> Expr:
    """The condition, as long as something else is there, whatever its labels."""
    return Binary("and", condition, other, matching_on())


def at_least(traffic: Expr, requests: int, window: int) -> Expr:
    """Whether so many requests came in the rate window of milliseconds."""
    return Binary(">=", traffic, per_second(requests, window))


def more_than_one(bad: Expr, window: int) -> Expr:
    """Whether what is bad happened more than once in the rate window: one request alone is never worth an alert.

    The limit lies between one and two, since one may look like 1.3 (`policy.OVERSTATED`).
    """
    return Binary(">", bad, per_second(1.5, window))


def per_second(count: float, window: int) -> Number:
    """So many in a rate window of milliseconds, in the unit of the records; rounded down: just as many are enough."""
    return Number(math.floor(count * 1000 / window * 1e6) / 1e6)


def has_gone(series: Selector, remembered: str) -> Expr:
    """What was there within a time, and is there no longer. `absent` would not say whose it was."""
    return unless(Binary(">", over_time("max", series, f"{remembered}:5m"), Number(0)), series)


def is_missing(series: Selector, *, among_clusters: bool, remembered: str) -> Expr:
    """Whether a series of the whole mesh is not there, or zero.

    Where one Prometheus holds several clusters nothing can be missed that was never there.
    """
    there = Binary(">", series, Number(0))
    if among_clusters:
        return unless(over_time("max", series, f"{remembered}:5m"), there)
    return Function("absent", (there,))


def total(series: Expr) -> Expr:
    return Aggregation("sum", (), series)


def surely_above(bad: Expr, whole: Expr, share: float, deviations: float) -> Expr:
    """Whether a share is above a limit even if chance had it so: the lower end of Wilson's interval.

    `deviations` is how many standard deviations the interval reaches to each side: 3.29 leaves out 0.05 % below.
    """
    square = deviations**2
    spread = Binary("/", Binary("*", bad, Binary("-", whole, bad)), whole)
    reach = Binary("*", Number(deviations), Function("sqrt", (Binary("+", spread, Number(round(square / 4, 4))),)))
    lowest = Binary("-", Binary("+", bad, Number(round(square / 2, 4))), reach)
    return Binary(">", Binary("/", lowest, Binary("+", whole, Number(round(square, 4)))), Number(share))
