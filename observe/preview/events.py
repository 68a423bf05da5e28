"""Annotations: what happened, drawn across every graph of a dashboard (grafana `processAnnotationResponse`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from observe.clients.prometheus import Answer, QueryFailed, Range
from observe.preview import colours
from observe.preview.results import fill
from observe.preview.time_range import aligned, resolution, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from observe.clients.prometheus import Series
    from observe.preview.time_range import TimeRange
    from observe.preview.variables import Variables

STEP: Final = 60.0
"""Seconds, when the dashboard names no step."""
COLOUR: Final = "rgba(0, 211, 255, 1)"
"""Grafana's for annotations without one of their own."""


@dataclass(frozen=True, slots=True)
class Event:
    """From `start` to `end`, in seconds since 1970; a moment when both are the same."""

    start: float
    end: float
    text: str
    colour: str

    @property
    def shapes(self) -> tuple[dict[str, Any], ...]:
        """A dashed line at each end, and between them a faint area."""
        line = {"color": self.colour, "width": 1, "dash": "dash"}
        ends = dict.fromkeys((self.start, self.end))
        lines = tuple(
            {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": at * 1000, "x1": at * 1000, "line": line}
            for at in ends
        )
        if len(ends) == 1:
            return lines
        area = {"yref": "paper", "y0": 0, "y1": 1, "x0": self.start * 1000, "x1": self.end * 1000}
        return (*lines, {"type": "rect", "fillcolor": self.colour, "opacity": 0.08, "line": {"width": 0}, **area})


@dataclass(frozen=True, slots=True)
class Asked:
    """An annotation as it is sent."""

    name: str
    question: Range
    title: str
    text: str
    colour: str


def ask(found: Mapping[str, Any], variables: Variables, range_: TimeRange) -> Asked | None:
    """The query of an annotation; None for one that is switched off or that is not for Prometheus."""
    expr = _expr(found)
    if found.get("enable") is False or not expr:
        return None
    step = seconds(str(found.get("step") or "")) or STEP
    fine = resolution(range_.length, 1440, step)
    filled = variables.at(range_, fine)
    question = Range(filled.in_query(expr), aligned(range_.start, step), aligned(range_.end, step), step)
    return Asked(
        name=str(found.get("name") or "Annotation"),
        question=question,
        title=str(found.get("titleFormat") or ""),
        text=str(found.get("textFormat") or ""),
        colour=colours.colour(str(found.get("iconColor") or COLOUR)),
    )


def _expr(found: Mapping[str, Any]) -> str:
    """Where Grafana 10 keeps it, or where later ones do."""
    target = found.get("target")
    inner = target.get("expr") if isinstance(target, dict) else None
    return str(found.get("expr") or inner or "")


def undrawn(found: Mapping[str, Any]) -> str | None:
    """What is to be said of an annotation that cannot be drawn; None where nothing is missing."""
    name = found.get("name") or "annotation"
    if found.get("enable") is False or found.get("builtIn"):
        # The built-in one shows what people wrote into Grafana, which no dashboard's JSON tells of.
        return None
    if not _expr(found):
        return f"the annotation {name} is not drawn: it comes from Grafana, not from Prometheus"
    if found.get("useValueForTime"):
        return f"the annotation {name} takes its times from values, and is drawn at those of the samples"
    return None


def events(asked: Asked, answer: Answer | QueryFailed) -> Iterator[Event]:
    """What happened: samples above zero, those without a gap between them as one event."""
    if isinstance(answer, QueryFailed):
        return
    for series in answer.series:
        for start, end in _spans(series, asked.question.step):
            words = (fill(asked.title, series), fill(asked.text, series))
            text = ": ".join(word for word in words if word) or asked.name
            yield Event(start, end, text, asked.colour)


def _spans(series: Series, step: float) -> Iterator[tuple[float, float]]:
    start = end = None
    for time, value in series.points:
        if not value > 0:
            continue
        if start is None or end is None:
            start = end = time
        elif time <= end + step:
            end = time
        else:
            yield start, end
            start = end = time
    if start is not None and end is not None:
        yield start, end
