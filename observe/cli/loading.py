"""Reading the inventory, and stopping where it has errors."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from observe.checks.finding import Finding, Severity
from observe.cli.findings import report_on_stderr, summary, worst
from observe.errors import EXIT_FINDINGS, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from observe.model import Inventory
    from observe.pack import Pack


EXAMPLE: Final = "example:"


def located(source: str) -> str:
    """Where an inventory lies: `example:NAME` is one that comes with the program."""
    if not source.startswith(EXAMPLE):
        return source
    from importlib.resources import files

    examples, name = files("observe") / "examples", source.removeprefix(EXAMPLE)
    known = sorted(example.name for example in examples.iterdir() if example.is_dir())
    if name not in known:
        raise UsageError(f"there is no example {name!r}; known are {', '.join(known)}")
    return str(examples / name)


def load(source: str, show: Callable[[Sequence[Finding]], None] = report_on_stderr) -> Inventory:
    """The inventory; its errors are shown, and end the program with InventoryError's code."""
    from observe import inventory as room  # late: pydantic is slow to import, and help needs none

    try:
        return room.load(located(source))
    except room.InventoryError as error:
        show(error.findings)
        raise


def sound_pack(source: str, *, rule_tests: bool = False) -> tuple[Inventory, Pack]:
    """The inventory and its pack, for commands that write: with an error among the findings they do not."""
    from observe import checks, pack

    inventory = load(source)
    findings = [finding for finding in checks.over_inventory(inventory) if not finding.silenced]
    report_on_stderr(findings)
    click.echo(f"{len(inventory.services)} services: {summary(findings)}", err=True)
    if worst(findings) >= Severity.ERROR:
        click.echo("observe: nothing was written: mend the errors, or silence them with a reason", err=True)
        sys.exit(EXIT_FINDINGS)
    return inventory, pack.build(inventory, rule_tests=rule_tests)
