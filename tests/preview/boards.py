"""Small dashboards in Grafana's JSON, and a Prometheus that answers what a test tells it to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from observe.clients.prometheus import Answer, QueryFailed, Question, Series
from observe.preview import Dashboard, draw, prepare, read
from observe.preview.drawing import Prepared, sheet
from observe.preview.page import Links, Sheet, SheetPanel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

END = 1_772_366_400.0
"""2026-03-01 12:00:00 UTC."""


def target(expr: str = "up", **settings: Any) -> dict[str, Any]:
    plain = {"expr": expr, "refId": "A", "datasource": {"type": "prometheus", "uid": "${datasource}"}}
    return plain | {"legendFormat": "", "format": "time_series", "instant": False, "range": True} | settings


def instant(expr: str = "up", **settings: Any) -> dict[str, Any]:
    return target(expr, instant=True, range=False, **settings)


def panel(kind: str, *targets: dict[str, Any], **settings: Any) -> dict[str, Any]:
    defaults, overrides = settings.pop("defaults", {}), settings.pop("overrides", [])
    plain = {"id": 1, "type": kind, "title": "Panel", "gridPos": {"x": 0, "y": 1, "w": 12, "h": 8}}
    return {
        **plain, "targets": list(targets), "options": settings.pop("options", {}),
        "fieldConfig": {"defaults": defaults, "overrides": overrides}, **settings,
    }  # fmt: skip


def override(matcher: str, field: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the series or columns that match."""
    properties = [{"id": name, "value": value} for name, value in settings.items()]
    return {"matcher": {"id": matcher, "options": field}, "properties": properties}


def board(*panels: dict[str, Any], **settings: Any) -> Dashboard:
    plain = {"uid": "board", "title": "Board", "time": {"from": "now-1h", "to": "now"}, "panels": list(panels)}
    return read(json.dumps(plain | settings).encode(), "board.json")


def series(*values: float, start: float = END - 3600, step: float = 15, **labels: str) -> Series:
    """A series with a value for every step from the beginning of the hour."""
    points = tuple((start + step * place, float(value)) for place, value in enumerate(values))
    return Series(tuple(sorted(labels.items())), points)


def now(value: float, **labels: str) -> Series:
    return Series(tuple(sorted(labels.items())), ((END, float(value)),))


@dataclass
class Told:
    """A Prometheus that has these answers by expression, nothing for all others, and keeps what it was asked."""

    answers: Mapping[str, Answer | QueryFailed | Iterable[Series]] = field(default_factory=dict)
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    asked: list[Question] = field(default_factory=list)

    def ask_all(
        self, questions: Iterable[Question], told: Callable[[], object] = lambda: None
    ) -> dict[Question, Answer | QueryFailed]:
        found = {}
        for question in questions:
            self.asked.append(question)
            known = self.answers.get(question.expr, ())
            found[question] = known if isinstance(known, Answer | QueryFailed) else Answer(tuple(known))
            told()
        return found

    def label_values(self, label: str, match: str | None, start: float, end: float) -> tuple[str, ...]:
        assert start < end
        return self.values.get(f"{label} of {match}", ())

    @property
    def expressions(self) -> list[str]:
        return [question.expr for question in self.asked]


def prepared(dashboard: Dashboard, prometheus: Told) -> Prepared:
    (one,) = prepare([dashboard], prometheus, END)
    return one


def drawn(dashboard: Dashboard, prometheus: Told) -> Sheet:
    one = prepared(dashboard, prometheus)
    return sheet(one, prometheus.ask_all(one.questions), Links((dashboard,)))


def only(dashboard: Dashboard, prometheus: Told) -> SheetPanel:
    """The single panel of a dashboard, drawn."""
    ((one,),) = (section.panels for section in drawn(dashboard, prometheus).sections)
    return one


def page(dashboard: Dashboard, prometheus: Told) -> str:
    return draw(prepare([dashboard], prometheus, END), prometheus).decode()
