"""From dashboards and a Prometheus to one HTML page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from observe.clients.prometheus import QueryFailed
from observe.preview import events, heatmap, stat, support, table, text, time_series
from observe.preview.drawn import Drawn
from observe.preview.page import Links, Sheet, SheetPanel, SheetSection, page
from observe.preview.results import ask, results
from observe.preview.time_range import TimeRange
from observe.preview.variables import variables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from observe.clients.prometheus import Answer, Question
    from observe.preview.dashboard import Dashboard, Panel
    from observe.preview.events import Event
    from observe.preview.results import Asked, Prometheus
    from observe.preview.variables import Variables


@dataclass(frozen=True, slots=True)
class Prepared:
    """A dashboard with all that it asks."""

    dashboard: Dashboard
    range: TimeRange
    variables: Variables
    asked: tuple[tuple[Asked, ...], ...]
    """Of each panel, in the order of the dashboard."""
    annotations: tuple[events.Asked, ...]

    @property
    def questions(self) -> tuple[Question, ...]:
        panels = tuple(one.question for panel in self.asked for one in panel)
        return panels + tuple(one.question for one in self.annotations)


def prepare(
    dashboards: Sequence[Dashboard], prometheus: Prometheus, end: float, length: float | None = None
) -> tuple[Prepared, ...]:
    """The queries of the dashboards, for the time up to `end`: so many seconds, or as many as each dashboard says.

    Prometheus is asked for the values of variables. Raises what its client raises.
    """
    return tuple(_prepared(one, prometheus, TimeRange(end, length or one.length)) for one in dashboards)


def _prepared(dashboard: Dashboard, prometheus: Prometheus, range_: TimeRange) -> Prepared:
    def label_values(label: str, match: str | None) -> tuple[str, ...]:
        return prometheus.label_values(label, match, range_.start, range_.end)

    chosen = variables(dashboard, range_, label_values)
    marked = (events.ask(found, chosen, range_) for found in dashboard.annotations)
    return Prepared(
        dashboard=dashboard,
        range=range_,
        variables=chosen,
        asked=tuple(ask(panel, chosen, range_) for panel in dashboard.panels),
        annotations=tuple(one for one in marked if one),
    )


def draw(prepared: Sequence[Prepared], prometheus: Prometheus, told: Callable[[], object] = lambda: None) -> bytes:
    """The page: the same dashboards and answers give the same bytes. `told` is called after each answer.

    Raises what Prometheus' client raises, but for the failures of single queries, which their panels show.
    """
    answers = prometheus.ask_all((question for one in prepared for question in one.questions), told)
    links = Links(tuple(one.dashboard for one in prepared))
    return page([sheet(one, answers, links) for one in prepared])


def sheet(prepared: Prepared, answers: Mapping[Question, Answer | QueryFailed], links: Links) -> Sheet:
    """One dashboard, drawn."""
    asked = iter(prepared.asked)
    happened = tuple(event for one in prepared.annotations for event in events.events(one, answers[one.question]))
    sections = tuple(
        SheetSection(
            section.title and prepared.variables.in_text(section.title),
            section.collapsed,
            tuple(_panel(prepared, panel, next(asked), answers, happened, links) for panel in section.panels),
        )
        for section in prepared.dashboard.sections
    )
    return Sheet(prepared.dashboard, prepared.range, prepared.variables, sections, tuple(_notes(prepared, answers)))


def _notes(prepared: Prepared, answers: Mapping[Question, Answer | QueryFailed]) -> list[str]:
    """What is to be said of the dashboard as a whole."""
    said = [choice.note for choice in prepared.variables.choices if choice.note]
    said += [note for found in prepared.dashboard.annotations if (note := events.undrawn(found))]
    for one in prepared.annotations:
        answer = answers[one.question]
        if isinstance(answer, QueryFailed):
            said.append(f"the annotation {one.name} is not drawn: {answer}")
    return said


def _panel(
    prepared: Prepared,
    panel: Panel,
    asked: tuple[Asked, ...],
    answers: Mapping[Question, Answer | QueryFailed],
    happened: tuple[Event, ...],
    links: Links,
) -> SheetPanel:
    found = results(asked, answers)
    errors = tuple(f"{result.target.ref}: {result.error}" for result in found if result.error)
    told = tuple(dict.fromkeys(warning for result in found for warning in result.answer.warnings))
    drawn = Drawn() if errors and len(errors) == len(found) else _drawn(prepared, panel, found, happened, links)
    notes = tuple(dict.fromkeys((*support.undrawn(panel), *drawn.notes)))
    say = prepared.variables.in_text
    return SheetPanel(panel, say(panel.title), say(panel.description), drawn, errors, told, notes)


def _drawn(
    prepared: Prepared, panel: Panel, found: tuple[Any, ...], happened: tuple[Event, ...], links: Links
) -> Drawn:
    match panel.kind:
        case "timeseries":
            return time_series.draw(panel, found, prepared.range, happened)
        case "stat":
            return stat.draw(panel, found)
        case "table":
            return table.draw(panel, found, links.inside)
        case "heatmap":
            return heatmap.draw(panel, found, prepared.range)
        case "text":
            content = prepared.variables.in_text(str(panel.options.get("content") or ""))
            return text.draw(panel, content, links.inside)
    return Drawn('<p class="nothing">Not drawn in this preview</p>')
