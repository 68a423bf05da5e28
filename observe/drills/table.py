"""Outcomes as text: durations, sentences and Markdown tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from observe.drills.usual import WAIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from observe.drills.outcome import Fired, Notice, Outcome, Told

ORDINARY: Final = "ordinary"
"""The name of a drill in which nothing happens."""
NEVER: Final = "never"


def title(outcome: Outcome) -> str:
    return outcome.incident.name if outcome.incident else ORDINARY


def story(outcome: Outcome) -> str:
    return outcome.incident.story if outcome.incident else "Nothing happens for an hour."


def duration(seconds: float | None) -> str:
    """`2m15s`, `1h`; `-1m` for what came a minute early; `never` for what did not come."""
    if seconds is None:
        return NEVER
    minutes, rest = divmod(round(abs(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    parts = "".join(f"{count}{unit}" for count, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if count) or "0s"
    return f"-{parts}" if seconds < 0 else parts


def resolution(alert: Fired) -> str:
    """When it was resolved."""
    return "still fires" if alert.resolved_after is None else duration(alert.resolved_after)


def about(subject: str) -> str:
    return subject or "the mesh"


def per_team(counts: Mapping[str, int]) -> str:
    """`3 (edge 1, orders 2)`."""
    return f"{sum(counts.values())}" + (
        f" ({', '.join(f'{team} {n}' for team, n in counts.items())})" if counts else ""
    )


def verdict(outcome: Outcome) -> Iterator[str]:
    """What did not go as it should, in sentences."""
    for alert, service in outcome.missing:
        yield f"{alert} of {about(service)} was expected and did not fire"
    for page in outcome.unexpected:
        told = f"{page.team} was paged about {about(page.subject)} after {duration(page.after)}"
        yield f"{told} ({', '.join(page.alerts)}): {_why(outcome, page)}"


def _why(outcome: Outcome, page: Notice) -> str:
    """Why nobody would expect a page."""
    if outcome.incident is None:
        return "nothing had happened"
    if page.after < 0:
        return "it had not begun"
    return "it was over" if page.subject in outcome.related else "it has nothing to do with it"


def tables(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """All that a page of documentation shows, by the name of its place there."""
    return {"pages": paging_table(outcomes), "alerts": alerts_table(outcomes)}


def paging_table(outcomes: Iterable[Outcome]) -> str:
    """For each incident when somebody is paged, who, and what the usual rules do."""
    columns = (
        "incident", "what happens", "first page", "pages", "tickets", "pages without inhibition", "usual rules",
    )  # fmt: skip
    return _markdown(columns, map(_paging, outcomes))


def _paging(outcome: Outcome) -> tuple[str, ...]:
    return (
        f"`{title(outcome)}`",
        story(outcome),
        _first_page(outcome.told),
        per_team(outcome.told.by_team),
        str(len(outcome.told.tickets)),
        per_team(outcome.uninhibited.by_team),
        _usual(outcome),
    )


def _first_page(told: Told) -> str:
    if told.pages:
        return _notice(told.pages[0])
    return f"none; ticket {_notice(told.tickets[0])}" if told.tickets else "none"


def _notice(notice: Notice) -> str:
    return f"{duration(notice.after)}: {', '.join(notice.alerts)} of {about(notice.subject)}, to {notice.team}"


def _usual(outcome: Outcome) -> str:
    """What of the usual alerts fires because of the incident: a page first."""
    fresh = [alert for alert in outcome.usual if alert.after >= 0]
    critical = [alert for alert in fresh if alert.severity == "critical"]
    if critical:
        first = [alert for alert in critical if alert.after == critical[0].after]
        named = ", ".join(sorted(map(usual_subject, first)))
        return f"page {duration(critical[0].after + WAIT)}: {critical[0].name} of {named}"
    return f"no page; {_usual_names(fresh)}" if fresh else "nothing fires"


def _usual_names(alerts: Sequence[Fired]) -> str:
    first = {alert.name: alert for alert in reversed(alerts)}
    return ", ".join(f"{alert.name} {duration(alert.after)}" for alert in sorted(first.values(), key=lambda a: a.after))


def usual_subject(alert: Fired) -> str:
    """What a usual alert names: a service without its namespace, or an Envoy cluster."""
    labels = dict(alert.labels)
    return labels.get("destination_service_name") or labels.get("cluster_name") or "the mesh"


def alerts_table(outcomes: Iterable[Outcome]) -> str:
    """For each incident which alerts fire, after how long, and after how long they are resolved."""
    columns = ("incident", "alert", "severity", "fires", "fires after", "resolved after the end")
    return _markdown(columns, (row for outcome in outcomes for row in _alerts(outcome)))


def _alerts(outcome: Outcome) -> Iterator[tuple[str, ...]]:
    """A row for each alert by name and severity, whatever it is about."""
    kinds: dict[tuple[str, str], list[Fired]] = {}
    for alert in outcome.alerts:
        kinds.setdefault((alert.name, alert.severity), []).append(alert)
    for number, ((kind, severity), own) in enumerate(kinds.items()):
        of = dict.fromkeys(about(one.subject) for one in own)
        yield (
            "" if number else f"`{title(outcome)}`",
            kind,
            severity,
            ", ".join(of) if len(of) < 3 else f"{len(of)} services",
            _span(own, lambda one: one.after, lambda one: duration(one.after)),
            _span(own, lambda one: math.inf if one.resolved_after is None else one.resolved_after, resolution),
        )


def _span(alerts: Sequence[Fired], time: Callable[[Fired], float], text: Callable[[Fired], str]) -> str:
    """The earliest and the latest of several."""
    first, last = min(alerts, key=time), max(alerts, key=time)
    return text(first) if time(first) == time(last) else f"{text(first)} to {text(last)}"


def _markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (columns, ["---"] * len(columns), *rows)
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")
