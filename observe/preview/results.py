"""What panels ask Prometheus, and what it answered, query by query."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from observe.clients.prometheus import Answer, Instant, QueryFailed, Range
from observe.preview.time_range import aligned, resolution, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from observe.clients.prometheus import Question, Series
    from observe.preview.dashboard import Panel, Target
    from observe.preview.time_range import TimeRange
    from observe.preview.variables import Variables

PIXELS: Final = 60
"""Of a column of the grid, on the screen of an ordinary laptop: what decides how finely queries look."""

_PLACEHOLDER: Final = re.compile(r"\{\{\s*(.+?)\s*\}\}")


class Prometheus(Protocol):
    """What is asked: a live one, or one that a simulation answers for."""

    def ask_all(
        self, questions: Iterable[Question], told: Callable[[], object] = ...
    ) -> dict[Question, Answer | QueryFailed]: ...

    def label_values(self, label: str, match: str | None, start: float, end: float) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of a panel as it is sent."""

    target: Target
    question: Question


@dataclass(frozen=True, slots=True)
class Result:
    """One query with its answer, or with the reason why there is none."""

    target: Target
    question: Question
    answer: Answer
    error: str = ""

    def name(self, series: Series) -> str:
        """What Grafana calls a series: the legend filled in, else its labels, else the expression."""
        if self.target.legend and self.target.legend != "__auto":
            return fill(self.target.legend, series)
        return _labels(series, full=self.target.legend != "__auto") or self.question.expr


def ask(panel: Panel, variables: Variables, range_: TimeRange) -> tuple[Asked, ...]:
    """The panel's queries with all variables filled in."""
    return tuple(_asked(panel, target, variables, range_) for target in panel.targets if target.expr)


def _asked(panel: Panel, target: Target, variables: Variables, range_: TimeRange) -> Asked:
    points = panel.raw.get("maxDataPoints")
    pixels = points if isinstance(points, int) and points > 0 else panel.place.width * PIXELS
    rough = resolution(range_.length, pixels, None)
    least = variables.at(range_, rough).in_query(target.least_step or str(panel.raw.get("interval") or ""))
    fine = resolution(range_.length, pixels, seconds(least))
    expr = variables.at(range_, fine).in_query(target.expr)
    named = replace(target, legend=variables.in_text(target.legend))
    if target.instant:
        return Asked(named, Instant(expr, range_.end))
    start, end = aligned(range_.start, fine.step), aligned(range_.end, fine.step)
    return Asked(named, Range(expr, start, end, fine.step))


def results(asked: Iterable[Asked], answers: Mapping[Any, Answer | QueryFailed]) -> tuple[Result, ...]:
    """Each query with its answer."""
    return tuple(_result(one, answers[one.question]) for one in asked)


def _result(asked: Asked, answer: Answer | QueryFailed) -> Result:
    if isinstance(answer, QueryFailed):
        return Result(asked.target, asked.question, Answer(), str(answer))
    return Result(asked.target, asked.question, answer)


def fill(template: str, series: Series) -> str:
    """A legend with the values of labels; nothing for a label that is not there."""
    return _PLACEHOLDER.sub(lambda found: series.label(found[1]), template)


def _labels(series: Series, *, full: bool) -> str:
    """`name{a="1"}`. Grafana's `__auto` leaves out the labels that all series share; here all are named."""
    pairs = dict(series.labels)
    name = pairs.pop("__name__", "")
    if not full and len(pairs) == 1:
        return next(iter(pairs.values()))
    inside = ", ".join(f'{label}="{value}"' for label, value in pairs.items())
    return f"{name}{{{inside}}}" if inside else name


def reduced(values: Iterable[float | None], calculation: str) -> float | None:
    """One number for many (grafana `fieldReducer`); None when there is nothing to calculate with."""
    every = list(values)
    there = [value for value in every if value is not None]
    numbers = [value for value in there if not math.isnan(value)]
    match calculation:
        case "last":
            return every[-1] if every else None
        case "first":
            return every[0] if every else None
    if not there:
        return None
    known = CALCULATIONS[calculation][1]
    return known(numbers or there)


CALCULATIONS: Final[Mapping[str, tuple[str, Callable[[list[float]], float]]]] = {
    "lastNotNull": ("Last *", lambda values: values[-1]),
    "last": ("Last", lambda values: values[-1]),
    "firstNotNull": ("First *", lambda values: values[0]),
    "first": ("First", lambda values: values[0]),
    "max": ("Max", max),
    "min": ("Min", min),
    "mean": ("Mean", lambda values: math.fsum(values) / len(values)),
    "sum": ("Total", math.fsum),
    "count": ("Count", lambda values: float(len(values))),
    "range": ("Range", lambda values: max(values) - min(values)),
}
"""The heading that Grafana gives them, and how they are worked out."""
