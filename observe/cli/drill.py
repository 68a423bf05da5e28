"""`observe drill`."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import click

from observe.cli.options import inventory_option
from observe.errors import EXIT_FINDINGS, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from observe.drills.drill import Drill
    from observe.drills.outcome import Outcome
    from observe.model import Inventory
    from observe.simulation import Incident


@click.command("drill")
@click.argument("name", required=False, metavar="[INCIDENT]")
@inventory_option
@click.option("--service", metavar="NAMESPACE/NAME", help="Whom it happens to.  [default: chosen by the incident]")
@click.option(
    "--minutes", type=click.FloatRange(1, 720), metavar="N", help="How long it lasts.  [default: its own time]"
)
@click.option("--all", "all_", is_flag=True, help="Play every incident that can happen here, and an ordinary hour.")
@click.option("--list", "list_", is_flag=True, help="Say which incidents there are, and play none.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json", "markdown"]),
    default="table",
    show_default=True,
    help="How the result is printed.",
)
@click.option("--write", "page", metavar="FILE", help="Put the Markdown tables between the marks of this page instead.")
@click.option(
    "--promtool", "program", metavar="PATH", envvar="OBSERVE_PROMTOOL", help="promtool.  [default: on the PATH]"
)
def command(
    name: str | None,
    source: str,
    service: str | None,
    minutes: float | None,
    all_: bool,
    list_: bool,
    format_: str,
    page: str | None,
    program: str | None,
) -> None:
    """Play an incident: what would fire, when, and who would be paged.

    The incident is simulated on the call graph as the telemetry that proxies would report; promtool, which comes with
    Prometheus, evaluates the generated rules on it; then the generated routes and inhibitions decide who is told.

    Exit code 1: an expected alert did not fire, or somebody was paged who should not have been.
    """
    from observe.cli.drilled import print_outcomes  # late: see program.COMMANDS
    from observe.cli.loading import load
    from observe.drills import promtool
    from observe.drills.drill import Drill
    from observe.drills.table import title, verdict

    if sum((bool(name), all_, list_)) != 1:
        raise UsageError("give one INCIDENT, --all, or --list to see what there is")
    if not name and (service or minutes):
        raise UsageError("--service and --minutes belong to one INCIDENT")
    inventory = load(source)
    if list_:
        _list(inventory, format_)
        return
    chosen = _all(inventory) if all_ else [_one(inventory, str(name), service, minutes)]
    drill = Drill(inventory, promtool.find(program))
    before = _page(Path(page)) if page else ""
    outcomes = _play(drill, chosen)
    if page:
        _write(Path(page), before, outcomes)
    else:
        print_outcomes(outcomes, format_)
    for outcome in outcomes:
        for sentence in verdict(outcome):
            click.echo(f"observe: {title(outcome)}: {sentence}", err=True)
    if not all(outcome.passed for outcome in outcomes):
        sys.exit(EXIT_FINDINGS)


def _one(inventory: Inventory, name: str, service: str | None, minutes: float | None) -> Incident:
    from observe.drills.chosen import chosen

    return chosen(inventory, name, service, minutes)


def _all(inventory: Inventory) -> list[Incident | None]:
    from observe.simulation import incidents

    return [None, *incidents(inventory)]


def _list(inventory: Inventory, format_: str) -> None:
    """Every incident, and what it would be here, or why it cannot happen."""
    from observe.cli.output import print_json, print_table
    from observe.simulation import INCIDENTS, Impossible, incident

    rows = []
    for plan in INCIDENTS.values():
        try:
            rows.append((plan.name, plan.title, incident(inventory, plan.name).story))
        except Impossible as reason:
            rows.append((plan.name, plan.title, f"impossible here: {reason}"))
    if format_ == "json":
        print_json([{"name": name, "title": title, "here": here} for name, title, here in rows])
    else:
        print_table(("incident", "title", "here"), rows, sys.stdout)


def _play(drill: Drill, chosen: Sequence[Incident | None]) -> list[Outcome]:
    """The outcomes in the order of the incidents; who waits is told of each that is done."""
    from observe.drills.drill import AT_A_TIME
    from observe.drills.table import title

    def play(incident: Incident | None) -> Outcome:
        outcome = drill.play(incident)
        if len(chosen) > 1:
            click.echo(f"{title(outcome)}: {'as expected' if outcome.passed else 'not as expected'}", err=True)
        return outcome

    executor = ThreadPoolExecutor(AT_A_TIME)
    try:
        return list(executor.map(play, chosen))
    finally:
        executor.shutdown(cancel_futures=True)


def _page(path: Path) -> str:
    """The page that is written into, before anything is played for it."""
    from observe.drills.page import filled
    from observe.drills.table import tables
    from observe.publish.targets.whole_file import read

    content = read(path)
    if content is None:
        raise UsageError(f"there is no page {path} to write into")
    text = content.decode("utf-8")
    filled(text, tables([]))
    return text


def _write(path: Path, page: str, outcomes: Sequence[Outcome]) -> None:
    from observe.drills.page import filled
    from observe.drills.table import tables
    from observe.publish.targets.whole_file import write

    write(path, filled(page, tables(outcomes)).encode("utf-8"))
