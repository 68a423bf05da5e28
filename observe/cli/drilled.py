"""What came of drills, as a person or a program wants it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from observe.cli.output import print_json, print_table
from observe.drills.table import about, duration, per_team, resolution, story, tables, title, usual_subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from observe.cli.output import Cell
    from observe.drills.outcome import Fired, Notice, Outcome, Told

COLUMNS: Final = ("fires after", "resolved after", "times", "severity", "alert", "about")
"""When it began, and when it was resolved, told from the incident's end."""


def print_outcomes(outcomes: Sequence[Outcome], format_: str) -> None:
    """The outcomes on standard output: one in full, of several a line each."""
    if format_ == "json":
        print_json([_as_data(outcome) for outcome in outcomes])
    elif format_ == "markdown":
        click.echo("\n\n".join(tables(outcomes).values()))
    elif len(outcomes) == 1:
        _report(outcomes[0])
    else:
        _summary(outcomes)


def _report(outcome: Outcome) -> None:
    """One incident in full."""
    click.echo(f"{story(outcome)}\n")
    told = outcome.told
    heads = ("after", "team", "about", "alerts")
    _section("alerts", COLUMNS, map(_alert, outcome.alerts))
    _section("pages", heads, map(_notice, told.pages))
    _section("tickets", heads, map(_notice, told.tickets))
    _section("usual rules", COLUMNS, map(_usual, outcome.usual))
    if told.pages:
        said = _first(outcome)
        click.echo(f"The first page said:\n{said['summary']}\n{said['description']}\n")
    first = f"First page after {duration(outcome.pages_after)}." if told.pages else "Nobody is paged."
    click.echo(
        f"{first} Pages: {per_team(told.by_team)}; "
        f"without inhibition {per_team(outcome.uninhibited.by_team)}. Times are within {outcome.resolution} s."
    )


def _first(outcome: Outcome) -> dict[str, str]:
    """The annotations of the alert that was paged first."""
    page = outcome.told.pages[0]
    paged = (page.alerts[0], page.subject, "critical")
    return next(dict(one.said) for one in outcome.alerts if (one.name, one.subject, one.severity) == paged)


def _section(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    found = list(rows)
    if found:
        click.echo(f"{title}:")
        print_table(columns, found, sys.stdout)
        click.echo()


def _alert(alert: Fired) -> tuple[str, ...]:
    return (*_course(alert), about(alert.subject))


def _usual(alert: Fired) -> tuple[str, ...]:
    return (*_course(alert), usual_subject(alert))


def _course(alert: Fired) -> tuple[str, ...]:
    return duration(alert.after), resolution(alert), str(alert.times), alert.severity, alert.name


def _notice(notice: Notice) -> tuple[str, ...]:
    return duration(notice.after), notice.team, about(notice.subject), ", ".join(notice.alerts)


def _summary(outcomes: Sequence[Outcome]) -> None:
    """A line for each incident."""
    columns = ("incident", "result", "first page", "pages", "without inhibition", "tickets", "usual rules page")
    rows: list[tuple[Cell, ...]] = [
        (
            title(outcome),
            ("as expected", "green") if outcome.passed else ("not as expected", "red"),
            duration(outcome.pages_after),
            per_team(outcome.told.by_team),
            per_team(outcome.uninhibited.by_team),
            str(len(outcome.told.tickets)),
            duration(outcome.usual_pages_after),
        )
        for outcome in outcomes
    ]
    print_table(columns, rows, sys.stdout)


def _as_data(outcome: Outcome) -> dict[str, Any]:
    """An outcome for a program. Seconds count from the incident's beginning, those until resolved from its end."""
    return {
        "incident": title(outcome),
        "story": story(outcome),
        "passed": outcome.passed,
        "resolution": outcome.resolution,
        "touched": list(outcome.touched),
        "first_critical_after": outcome.fires_after,
        "paged_after": outcome.pages_after,
        "alerts": [_alert_data(alert) for alert in outcome.alerts],
        "notifications": _told_data(outcome.told),
        "without_inhibition": _told_data(outcome.uninhibited),
        "usual_alerts": [_alert_data(alert) for alert in outcome.usual],
        "missing": [{"alert": alert, "service": service or None} for alert, service in outcome.missing],
        "unexpected_pages": [_notice_data(page) for page in outcome.unexpected],
    }


def _alert_data(alert: Fired) -> dict[str, Any]:
    return {
        "labels": dict(alert.labels),
        "fired_after": alert.after,
        "resolved_after": alert.resolved_after,
        "times": alert.times,
        "annotations": dict(alert.said),
    }


def _told_data(told: Told) -> dict[str, Any]:
    return {
        "pages": [_notice_data(page) for page in told.pages],
        "tickets": [_notice_data(ticket) for ticket in told.tickets],
    }


def _notice_data(notice: Notice) -> dict[str, Any]:
    return {
        "after": notice.after,
        "team": notice.team,
        "service": notice.subject or None,
        "alerts": list(notice.alerts),
    }
