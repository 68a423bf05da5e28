"""What a publish did, object by object, as a person or a program wants it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from observe import errors
from observe.cli.output import Cell, print_json, print_table
from observe.publish.plan import Action
from observe.publish.report import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from observe.publish.plan import Change, Plan
    from observe.publish.report import Outcome, Report
    from observe.publish.target import Key

PAST: Final = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.WIDEN: "widened",
    Action.DELETE: "deleted",
}
COLOURS: Final = {
    "failed": "red",
    "refused": "red",
    "skipped": "yellow",
    "stale": "yellow",
    "unchanged": "dim",
}


def word(outcome: Outcome) -> str:
    """What became of an object, in one word."""
    return PAST[outcome.change.action] if outcome.status is Status.DONE else outcome.status.value


def styled(result: str) -> Cell:
    """A result in the colour that fits it."""
    return (result, COLOURS.get(result, "green"))


def as_data(reports: Sequence[Report]) -> list[dict[str, Any]]:
    """The outcomes for a program."""
    return [
        {
            "target": report.target,
            "error": str(report.error) if report.error else None,
            "warning": str(report.warning) if report.warning else None,
            "objects": [
                {
                    "api_version": outcome.change.key.api_version,
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
        print_json(as_data(reports))
        return
    rows = [
        (
            report.target,
            styled(word(outcome)),
            str(outcome.change.key),
            _why(report, outcome),
        )
        for report in reports
        for outcome in report.outcomes
        if outcome.status is not Status.UNCHANGED
    ]
    if rows:
        print_table(("target", "result", "object", "reason"), rows, sys.stdout)


def _why(report: Report, outcome: Outcome) -> str:
    """Why it came out like that. What stopped everything is said once, in the summary."""
    if outcome.status is Status.DONE and outcome.change.action is Action.CREATE:
        return ""
    if report.error is not None and outcome.reason == str(report.error):
        return "see below"
    return outcome.reason or outcome.change.reason


def print_plans(plans: Sequence[Plan], rehearsed: Sequence[Report], format_: str) -> None:
    """What would be done, on standard output; what a live system said to a rehearsal goes with it."""
    refusals = {
        (report.target, outcome.change.key): outcome.reason
        for report in rehearsed
        for outcome in report.outcomes
        if outcome.status is Status.FAILED
    }
    if format_ == "json":
        data = [
            {"target": plan.target, "objects": [_planned(plan, change, refusals) for change in plan.changes]}
            for plan in plans
        ]
        print_json(data)
        return
    rows = [
        (plan.target, *_would(change, refusals.get((plan.target, change.key))))
        for plan in plans
        for change in plan.changes
        if change.action is not Action.UNCHANGED
    ]
    if rows:
        print_table(("target", "would", "object", "reason"), rows, sys.stdout)


def _would(change: Change, refusal: str | None) -> tuple[Cell, Cell, Cell]:
    action = styled("failed" if refusal else change.action.value)
    return (action, str(change.key), refusal or change.reason)


def _planned(plan: Plan, change: Change, refusals: Mapping[tuple[str, Key], str]) -> dict[str, Any]:
    """A change for a program; `refusal` is why the live system would not take it."""
    return {
        "api_version": change.key.api_version,
        "kind": change.key.kind,
        "namespace": change.key.namespace,
        "name": change.key.name,
        "action": change.action.value,
        "reason": change.reason,
        "refusal": refusals.get((plan.target, change.key)),
    }


def summary(report: Report) -> str:
    """`Grafana: 2 created, 22 unchanged`, with what went wrong besides single objects."""
    counts: dict[str, int] = {}
    for outcome in report.outcomes:
        counts[word(outcome)] = counts.get(word(outcome), 0) + 1
    said = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    if report.error:
        return f"{report.target}: {said or 'nothing was published'}; {report.error}"
    warning = f"; {report.warning}" if report.warning else ""
    return f"{report.target}: {said or 'nothing to do'}{warning}"


def exit_code(reports: Sequence[Report]) -> int:
    """The code of all targets together: 4 when something was written and something was not."""
    codes = [report.exit_code for report in reports]
    if not any(codes):
        return errors.EXIT_OK
    wrote = any(report.counts[Status.DONE] for report in reports)
    return errors.EXIT_PARTLY if wrote else errors.EXIT_TARGET


def _silent(_: Outcome) -> None:
    """Where nobody looks, nothing moves."""


@contextmanager
def progress(target: str, total: int) -> Iterator[Any]:
    """A callback for `apply` that moves a progress bar; there is one on terminals only."""
    if not sys.stderr.isatty() or not total:
        yield _silent
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task(target, total=total)
        yield lambda _: bar.advance(task)
