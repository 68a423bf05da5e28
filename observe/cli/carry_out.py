"""Plans for several targets: confirmed, rehearsed, carried out, reported."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from observe.errors import EXIT_TARGET, ObserveError, UsageError
from observe.publish.plan import Action, Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from observe.publish.report import Report
    from observe.publish.target import Target

SIGINT_CODE = 130
"""What shells expect of a program that was broken off."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What is to be done to one target."""

    target: Target
    plan: Plan
    error: ObserveError | None = None
    """Why there is no plan; it is empty then."""


def intents(targets: Iterable[Target], plan: Callable[[Target], Plan]) -> list[Intent]:
    """A plan for each target; one that cannot be looked at does not keep the others from being written."""
    return [_intent(target, plan) for target in targets]


def _intent(target: Target, plan: Callable[[Target], Plan]) -> Intent:
    try:
        return Intent(target, plan(target))
    except ObserveError as error:
        return Intent(target, Plan(target.name, ()), error)


def confirm(plans: Iterable[Plan], *, yes: bool) -> None:
    """Ask before most of what is there is deleted; raises UsageError without a yes, and where nobody can be asked."""
    sweeping = [plan for plan in plans if plan.sweeping]
    if yes or not sweeping:
        return
    counted = (f"{plan.target}: {plan.counts[Action.DELETE]} of {plan.live} objects" for plan in sweeping)
    said = f"{', '.join(counted)} would be deleted"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{said}: look at them with --dry-run, and say --yes when that is right; nothing was written")
    if not click.confirm(f"{said}. Go on?", err=True):
        raise UsageError("nothing was written")


def carry_out(wanted: Sequence[Intent], workers: int | None, settle: float) -> tuple[list[Report], bool]:
    """What became of each target; and whether the user broke off."""
    from observe.publish.announce import announce
    from observe.publish.apply import Interrupted

    reports: list[Report] = []
    try:
        for intent in wanted:
            reports.append(_one(intent, workers, settle))  # noqa: PERF401 - what is done stays when one breaks off
    except Interrupted as interrupted:
        return [*reports, interrupted.report], True
    try:
        return announce([intent.target for intent in wanted], reports), False
    except KeyboardInterrupt:
        return reports, True


def _one(intent: Intent, workers: int | None, settle: float) -> Report:
    from observe.cli.report import progress
    from observe.publish.apply import apply
    from observe.publish.report import Report

    target, plan = intent.target, intent.plan
    if intent.error:
        return Report(target.name, (), intent.error)
    with progress(target.name, sum(change.writes for change in plan.changes)) as advance:
        return apply(plan, target, workers=workers, on_progress=advance, settle=partial(time.sleep, settle))


def tell(reports: Sequence[Report], format_: str) -> int:
    """Report every object, and give the exit code."""
    from observe.cli.report import exit_code, print_reports, summary

    print_reports(reports, format_)
    for report in reports:
        click.echo(summary(report), err=True)
    return exit_code(reports)


def rehearse(wanted: Sequence[Intent], workers: int | None, format_: str) -> int:
    """Show the plans, and give the exit code. The cluster's is also carried out as a server-side dry run: it admits or
    refuses each object.

    Raises the error of a target that cannot be looked at.
    """
    from observe.cli.report import exit_code, print_plans
    from observe.publish.apply import apply

    for intent in wanted:
        if intent.error:
            raise intent.error
    rehearsed = [apply(one.plan, one.target, workers=workers) for one in wanted if one.target.name == "cluster"]
    print_plans([one.plan for one in wanted], rehearsed, format_)
    for one in wanted:
        said = ", ".join(f"{count} to {action.value}" for action, count in sorted(one.plan.counts.items()))
        click.echo(f"{one.plan.target}: {said or 'nothing to do'} (dry run, nothing was written)", err=True)
    return min(exit_code(rehearsed), EXIT_TARGET)
