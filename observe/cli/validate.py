"""`observe validate`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from observe.cli.options import format_option, inventory_option
from observe.errors import EXIT_FINDINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from observe.checks.finding import Finding

FAIL_ON: Final = {"info": 1, "warning": 2, "error": 3, "never": 4}


@click.command("validate")
@inventory_option
@format_option
@click.option(
    "--fail-on",
    type=click.Choice(list(FAIL_ON)),
    default="error",
    show_default=True,
    help="The least severity that makes the exit code 1.",
)
def command(source: str, format_: str, fail_on: str) -> None:
    """Check the inventory and say what is wrong with it.

    Findings go to standard output. An inventory that cannot be read ends with exit code 2.
    """
    from observe import checks  # late: see program.COMMANDS
    from observe.cli.findings import as_data, print_findings, summary, worst
    from observe.cli.loading import load
    from observe.cli.output import print_json

    def show(findings: Sequence[Finding]) -> None:
        if format_ == "json":
            print_json([as_data(finding) for finding in findings])
        elif findings:
            print_findings(findings, sys.stdout)

    inventory = load(source, show)
    findings = checks.over_inventory(inventory)
    show(findings)
    click.echo(f"{len(inventory.services)} services: {summary(findings)}", err=True)
    if worst(findings) >= FAIL_ON[fail_on]:
        sys.exit(EXIT_FINDINGS)
