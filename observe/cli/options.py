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

rule_tests_option = click.option(
    "--rule-tests", is_flag=True, help="With tests of the alerts, for `promtool test rules`."
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

dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Say what would be done, and let the cluster check it; write nothing."
)

workers_option = click.option(
    "--workers", type=click.IntRange(1, 64), metavar="N", help="Requests at a time.  [default: by target]"
)

yes_option = click.option("--yes", is_flag=True, help="Delete without asking, also most of what is there.")

settle_option = click.option(
    "--settle",
    type=click.FloatRange(0, 600),
    default=5,
    show_default=True,
    metavar="SECONDS",
    help="How long proxies get to hear of new subsets before routes to them, and of new routes before old subsets go.",
)
