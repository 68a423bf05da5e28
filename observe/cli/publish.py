"""`observe publish`."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from observe.cli.options import (
    context_option,
    format_option,
    inventory_option,
    output_option,
    prune_option,
    to_option,
)
from observe.errors import EXIT_TARGET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from observe.cli.targets import Choice
    from observe.pack import Pack
    from observe.publish.apply import Report
    from observe.publish.target import Target

SIGINT_CODE = 130
"""What shells expect of a program that was broken off."""


@click.command("publish")
@inventory_option
@to_option
@output_option
@context_option
@click.option("--dry-run", is_flag=True, help="Say what would be done, and let the cluster check it; write nothing.")
@prune_option
@click.option("--force-conflicts", is_flag=True, help="Take over fields that another field manager owns.")
@click.option("--workers", type=click.IntRange(1, 64), metavar="N", help="Requests at a time.  [default: by target]")
@click.option("--metrics-file", metavar="FILE", help="Write what was done as metrics, for the textfile collector.")
@format_option
def command(
    source: str,
    names: tuple[str, ...],
    output: str | None,
    context: str | None,
    dry_run: bool,
    prune: bool,
    force_conflicts: bool,
    workers: int | None,
    metrics_file: str | None,
    format_: str,
) -> None:
    """Bring the pack to Grafana, the cluster, or a directory.

    \b
    Grafana: GRAFANA_URL with GRAFANA_TOKEN, or with GRAFANA_USER and GRAFANA_PASSWORD.
    Cluster: KUBECONFIG or ~/.kube/config, or the service account inside a pod.

    What did not change is not sent. Objects that are not this pack's are left alone and reported.
    """  # noqa: D301 - click takes the backspace for "do not wrap"
    from observe.cli.loading import sound_pack  # late: see program.COMMANDS
    from observe.cli.targets import Choice, open_targets

    choice = Choice(names, output, context, workers, dry_run, force_conflicts)
    inventory, pack = sound_pack(source)
    with ExitStack() as stack:
        targets = open_targets(choice, inventory, stack)
        if dry_run:
            sys.exit(_dry_run(targets, pack, prune, choice, format_))
        reports, broken_off = _publish(targets, pack, prune, choice)
    code = _tell(pack, reports, format_, metrics_file)
    sys.exit(SIGINT_CODE if broken_off else code)


def _publish(targets: Sequence[Target], pack: Pack, prune: bool, choice: Choice) -> tuple[list[Report], bool]:
    """Plan and carry out, target by target; and whether the user broke off."""
    from observe.publish.apply import Interrupted

    reports: list[Report] = []
    try:
        for target in targets:
            reports.append(_one(target, pack, prune, choice))  # noqa: PERF401 - what is done stays when one breaks off
    except Interrupted as interrupted:
        return [*reports, interrupted.report], True
    return reports, False


def _tell(pack: Pack, reports: Sequence[Report], format_: str, metrics_file: str | None) -> int:
    """Report every object, and give the exit code."""
    from observe.cli.report import exit_code, print_reports, summary

    print_reports(reports, format_)
    for report in reports:
        click.echo(summary(report), err=True)
    if metrics_file:
        from observe.exporter import write_metrics

        write_metrics(metrics_file, pack.name, reports, time.time())
    return exit_code(reports)


def _one(target: Target, pack: Pack, prune: bool, choice: Choice) -> Report:
    from observe.cli.report import progress
    from observe.cli.targets import planned
    from observe.errors import ObserveError
    from observe.publish.apply import Report, apply

    try:
        plan = planned(target, pack, prune=prune)
    except ObserveError as error:
        return Report(target.name, (), error)
    with progress(target.name, sum(change.writes for change in plan.changes)) as advance:
        return apply(plan, target, workers=choice.workers, on_progress=advance)


def _dry_run(targets: Sequence[Target], pack: Pack, prune: bool, choice: Choice, format_: str) -> int:
    """Show the plans. The cluster's is also carried out as a server-side dry run: it admits or refuses each object."""
    from observe.cli.report import exit_code, print_plans
    from observe.cli.targets import planned
    from observe.publish.apply import apply

    plans = [(target, planned(target, pack, prune=prune)) for target in targets]
    rehearsed = [apply(plan, target, workers=choice.workers) for target, plan in plans if target.name == "cluster"]
    print_plans([plan for _, plan in plans], rehearsed, format_)
    for _, plan in plans:
        said = ", ".join(f"{count} to {action.value}" for action, count in sorted(plan.counts.items()))
        click.echo(f"{plan.target}: {said or 'nothing to do'} (dry run, nothing was written)", err=True)
    return min(exit_code(rehearsed), EXIT_TARGET)
