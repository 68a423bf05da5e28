"""`observe prune`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import click

from observe.cli.options import (
    context_option,
    dry_run_option,
    format_option,
    inventory_option,
    output_option,
    settle_option,
    to_option,
    workers_option,
    yes_option,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from observe.cli.carry_out import Intent
    from observe.model import Inventory
    from observe.publish.plan import Plan
    from observe.publish.target import Target


@click.command("prune")
@inventory_option
@to_option
@output_option
@context_option
@click.option(
    "--expired",
    is_flag=True,
    help="Delete what was to be there until a day that is over, such as an injected fault, and nothing else; in the "
    "cluster, unless other targets are named.",
)
@dry_run_option
@yes_option
@settle_option
@workers_option
@format_option
def command(
    source: str,
    names: tuple[str, ...],
    output: str | None,
    context: str | None,
    expired: bool,
    dry_run: bool,
    yes: bool,
    settle: float,
    workers: int | None,
    format_: str,
) -> None:
    """Delete what the pack no longer holds, or what has expired.

    Nothing is created or changed, and what is not this pack's is left alone. With --expired the inventory may have
    findings of any severity, such as the expired fault itself: only the name of its mesh is needed.
    """
    from observe.cli.carry_out import SIGINT_CODE, carry_out, confirm, intents, rehearse, tell  # late: see program
    from observe.cli.targets import Choice, open_targets

    if expired and not output:
        names = names or ("cluster",)
    inventory, plan = _expired(source) if expired else _left_over(source)
    with ExitStack() as stack:
        targets = open_targets(Choice(names, output, context, workers, dry_run), inventory, stack)
        wanted = intents(targets, plan)
        # What has expired says so itself, however much of it there is.
        confirm((intent.plan for intent in wanted), yes=yes or expired or dry_run)
        if not expired:
            wanted = [_deleting(intent) for intent in wanted]
        if dry_run:
            sys.exit(rehearse(wanted, workers, format_))
        reports, broken_off = carry_out(wanted, workers, settle)
    code = tell(reports, format_)
    sys.exit(SIGINT_CODE if broken_off else code)


def _expired(source: str) -> tuple[Inventory, Callable[[Target], Plan]]:
    """A plan for what has expired by today. No pack is built: it would hold the expired."""
    from observe.cli.loading import load
    from observe.publish.expiry import expired

    return load(source), lambda target: expired(target, target.owned(), date.today())


def _left_over(source: str) -> tuple[Inventory, Callable[[Target], Plan]]:
    """A plan that publishes, and deletes what the pack no longer holds."""
    from observe.cli.loading import sound_pack
    from observe.cli.targets import planned

    inventory, pack = sound_pack(source)
    return inventory, lambda target: planned(target, pack, prune=True)


def _deleting(intent: Intent) -> Intent:
    """The part that deletes; that there is more to do is told."""
    deletions = intent.plan.deletions
    more = sum(change.writes for change in intent.plan.changes) - len(deletions.changes)
    if more:
        said = f"{intent.target.name}: {more} more to create or update, which observe publish does"
        click.echo(said, err=True)
    return replace(intent, plan=deletions)
