"""What a publish did, object by object, as a person or a program wants it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from observe import errors
from observe.publish.apply import Report, Status
from observe.publish.plan import Action, Plan

if TYPE_CHECKING:
    from observe.publish.apply import Outcome

PAST: Final = {Action.CREATE: "created", Action.UPDATE: "updated", Action.DELETE: "deleted"}
COLOURS: Final = {"failed": "red", "refused": "red", "skipped": "yellow", "stale": "yellow", "unchanged": "dim"}


def word(outcome: Outcome) -> str:
    """What became of an object, in one word."""
    return PAST[outcome.change.action] if outcome.status is Status.DONE else outcome.status.value


def as_data(reports: Sequence[Report]) -> list[dict[str, Any]]:
    """The outcomes for a program."""
    return [
        {
            "target": report.target,
            "error": str(report.error) if report.error else None,
            "objects": [
                {
                    "kind": outcome.change.key.kind,
                    "namespace": outcome.change.key.namespace,
                    "name": outcome.change.key.name,
                    "action": outcome.change.action.value,
                    "result": word(outcome),
                    "reason": outcome.reason or outcome.change.reason,
                }
                for outcome in report.outcomes
            ],
        }
        for report in reports
    ]


def print_reports(reports: Sequence[Report], format_: str) -> None:
    """The outcomes on standard output; the table leaves out what did not change."""
    if format_ == "json":
        click.echo(json.dumps(as_data(reports), indent=2, ensure_ascii=False))
        return
    rows = [
        (report.target, word(outcome), str(outcome.change.key), outcome.reason or outcome.change.reason)
        for report in reports
        for outcome in report.outcomes
        if outcome.status is not Status.UNCHANGED
    ]
    if rows:
        print_rows(("target", "result", "object", "reason"), rows)


def print_plans(plans: Sequence[Plan], format_: str) -> None:
    """What would be done, on standard output."""
    if format_ == "json":
        data = [
            {
                "target": plan.target,
                "objects": [
                    {
                        "kind": change.key.kind,
                        "namespace": change.key.namespace,
                        "name": change.key.name,
                        "action": change.action.value,
                        "reason": change.reason,
                    }
                    for change in plan.changes
                ],
            }
            for plan in plans
        ]
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
        return
    rows = [
        (plan.target, change.action.value, str(change.key), change.reason)
        for plan in plans
        for change in plan.changes
        if change.action is not Action.UNCHANGED
    ]
    if rows:
        print_rows(("target", "would", "object", "reason"), rows)


def print_rows(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """A table on standard output; without borders where no person looks."""
    from rich import box  # late: most runs have nothing to show
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    tty = sys.stdout.isatty()
    console = Console(file=sys.stdout, width=None if tty else 200, highlight=False)
    table = Table(box=box.ROUNDED if tty else None, show_edge=tty, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(row[0], Text(row[1], COLOURS.get(row[1], "green")), *(Text(cell) for cell in row[2:]))
    console.print(table)


def summary(report: Report) -> str:
    """`Grafana: 2 created, 22 unchanged`, with what went wrong besides single objects."""
    counts: dict[str, int] = {}
    for outcome in report.outcomes:
        counts[word(outcome)] = counts.get(word(outcome), 0) + 1
    said = ", ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "nothing to do"
    return f"{report.target}: {said}" + (f"; {report.error}" if report.error else "")


def exit_code(reports: Sequence[Report]) -> int:
    """The code of all targets together: 4 when something was written and something was not."""
    codes = [report.exit_code for report in reports]
    if not any(codes):
        return errors.EXIT_OK
    wrote = any(report.counts[Status.DONE] for report in reports)
    return errors.EXIT_PARTLY if wrote else errors.EXIT_TARGET


@contextmanager
def progress(target: str, total: int) -> Iterator[Any]:
    """A callback for `apply` that moves a progress bar; there is one on terminals only."""
    if not sys.stderr.isatty() or not total:
        yield lambda outcome: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task(target, total=total)
        yield lambda outcome: bar.advance(task)
