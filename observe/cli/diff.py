"""`observe diff`."""

from __future__ import annotations

import sys
from contextlib import ExitStack

import click

from observe.cli.options import (
    context_option,
    inventory_option,
    output_option,
    prune_option,
    rule_tests_option,
    to_option,
)
from observe.errors import EXIT_FINDINGS, EXIT_OK


@click.command("diff")
@inventory_option
@to_option
@output_option
@context_option
@prune_option
@rule_tests_option
def command(
    source: str, names: tuple[str, ...], output: str | None, context: str | None, prune: bool, rule_tests: bool
) -> None:
    """Show what publishing would change, line by line.

    The exit code is 1 when there is a difference, as with diff itself.
    """
    from observe.cli.loading import sound_pack  # late: see program.COMMANDS
    from observe.cli.targets import Choice, open_targets, planned
    from observe.publish.diff import diff

    inventory, pack = sound_pack(source, rule_tests=rule_tests)
    differs = False
    with ExitStack() as stack:
        for target in open_targets(Choice(names, output, context), inventory, stack):
            for difference in diff(planned(target, pack, prune=prune), target):
                differs = True
                click.echo(difference.text or f"# {difference.change.key}: {difference.change.reason}")
    sys.exit(EXIT_FINDINGS if differs else EXIT_OK)
