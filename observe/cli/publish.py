"""`observe publish`."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack

import click

from observe.cli.options import (
    context_option,
    dry_run_option,
    format_option,
    inventory_option,
    output_option,
    prune_option,
    settle_option,
    to_option,
    workers_option,
    yes_option,
)


@click.command("publish")
@inventory_option
@to_option
@output_option
@context_option
@dry_run_option
@prune_option
@yes_option
@click.option("--force-conflicts", is_flag=True, help="Take over fields that another field manager owns.")
@settle_option
@workers_option
@click.option("--metrics-file", metavar="FILE", help="Write what was done as metrics, for the textfile collector.")
@format_option
def command(
    source: str,
    names: tuple[str, ...],
    output: str | None,
    context: str | None,
    dry_run: bool,
    prune: bool,
    yes: bool,
    force_conflicts: bool,
    settle: float,
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
    from observe.cli.carry_out import SIGINT_CODE, carry_out, confirm, intents, rehearse, tell  # late: see program
    from observe.cli.loading import sound_pack
    from observe.cli.targets import Choice, open_targets, planned

    choice = Choice(names, output, context, workers, dry_run, force_conflicts)
    inventory, pack = sound_pack(source)
    with ExitStack() as stack:
        targets = open_targets(choice, inventory, stack)
        wanted = intents(targets, lambda target: planned(target, pack, prune=prune))
        if dry_run:
            sys.exit(rehearse(wanted, workers, format_))
        confirm((intent.plan for intent in wanted), yes=yes)
        reports, broken_off = carry_out(wanted, workers, settle)
    code = tell(reports, format_)
    if metrics_file:
        from observe.exporter import write_metrics

        write_metrics(metrics_file, pack.name, reports, time.time())
    sys.exit(SIGINT_CODE if broken_off else code)
