"""`observe build`."""

from __future__ import annotations

import sys

import click

from observe.cli.options import format_option, inventory_option, rule_tests_option


@click.command("build")
@inventory_option
@click.option("-o", "--output", metavar="DIR", required=True, help="The directory that the pack is written to.")
@rule_tests_option
@format_option
def command(source: str, output: str, rule_tests: bool, format_: str) -> None:
    """Write the pack into a directory.

    Files that would not change are not touched; files of an earlier pack that are no longer part of it are
    removed; files that are not the pack's are never overwritten. With an error in the inventory nothing is written.
    """
    from observe.cli.loading import sound_pack  # late: see program.COMMANDS
    from observe.cli.report import exit_code, print_reports, summary
    from observe.cli.targets import directory, planned
    from observe.publish.apply import apply

    _, pack = sound_pack(source, rule_tests=rule_tests)
    target = directory(output, pack.name)
    report = apply(planned(target, pack, prune=True), target)
    print_reports([report], format_)
    click.echo(summary(report), err=True)
    sys.exit(exit_code([report]))
