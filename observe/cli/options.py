"""Options that several commands have, spelled once."""

from __future__ import annotations

import click

inventory_option = click.option(
    "-i",
    "--inventory",
    "source",
    metavar="PATH",
    envvar="OBSERVE_INVENTORY",
    default="inventory.yaml",
    show_default=True,
    help="Inventory: a file, a directory of *.yaml files, - for standard input, or example:shop.",
)

format_option = click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How the result is printed.",
)

to_option = click.option(
    "--to",
    "names",
    type=click.Choice(["cluster", "grafana", "directory"]),
    multiple=True,
    help="Where to; may be given several times.  [default: cluster and grafana, or the directory of --output]",
)

output_option = click.option("-o", "--output", metavar="DIR", help="The directory to publish to.")

context_option = click.option("--context", metavar="NAME", help="The kubeconfig's context.  [default: the current one]")

prune_option = click.option(
    "--prune", is_flag=True, help="Also delete what an earlier pack published and this one no longer holds."
)
