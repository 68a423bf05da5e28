"""From options and environment to the targets that a command publishes to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from observe.errors import UsageError

if TYPE_CHECKING:
    from contextlib import ExitStack

    from observe.model import Inventory
    from observe.pack import Pack
    from observe.publish.plan import Plan
    from observe.publish.target import Target

ORDER: Final = ("directory", "cluster", "grafana")
"""The order of publishing: what an alert links to comes last, when the alert's own rule is there."""
LIVE: Final = ("cluster", "grafana")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which targets were asked for, and how they are reached."""

    names: tuple[str, ...]
    output: str | None = None
    context: str | None = None
    workers: int | None = None
    dry_run: bool = False
    force_conflicts: bool = False

    def in_order(self) -> tuple[str, ...]:
        """The targets: those named, else the directory that was given, else both live systems."""
        chosen = self.names or (("directory",) if self.output else LIVE)
        if self.output and "directory" not in chosen:
            chosen = ("directory", *chosen)
        return tuple(name for name in ORDER if name in chosen)


def open_targets(choice: Choice, inventory: Inventory, stack: ExitStack) -> tuple[Target, ...]:
    """The targets in the order of publishing; closed with `stack`.

    Nothing is sent yet. Raises UsageError when one of them is not configured, so that none is touched.
    """
    made = []
    for name in choice.in_order():
        target = _open(name, choice, inventory)
        stack.callback(target.close)
        made.append(target)
    return tuple(made)


def planned(target: Target, pack: Pack, *, prune: bool) -> Plan:
    """What publishing the pack to a target would change; one listing is read."""
    from observe.publish.plan import plan

    wanted = [artifact for artifact in pack.artifacts if target.wants(artifact)]
    return plan(target, wanted, target.list(wanted), prune=prune)


def _open(name: str, choice: Choice, inventory: Inventory) -> Target:
    # Imported late, each by its own need: the clients' libraries cost up to 0.3 s.
    if name == "directory":
        return directory(choice.output, inventory.mesh.name)
    if name == "cluster":
        return _cluster(choice, inventory)
    return _grafana(inventory)


def directory(output: str | None, mesh: str) -> Target:
    """The directory target; raises UsageError without a directory."""
    from observe.publish.targets.directory import DirectoryTarget

    if not output:
        raise UsageError("the directory is missing: name it with --output")
    return DirectoryTarget(Path(output), mesh=mesh)


def _cluster(choice: Choice, inventory: Inventory) -> Target:
    from observe.clients.kube_login import connect
    from observe.clients.kubernetes import KubernetesClient
    from observe.publish.targets.cluster import WORKERS, ClusterTarget

    try:
        transport = connect(os.environ, context=choice.context, workers=choice.workers or WORKERS)
    except UsageError as error:
        raise UsageError(f"{error}; or publish elsewhere, with --to grafana or --output DIR") from error
    return ClusterTarget(
        KubernetesClient(transport),
        mesh=inventory.mesh.name,
        dry_run=choice.dry_run,
        force_conflicts=choice.force_conflicts,
        workers=choice.workers or WORKERS,
    )


def _grafana(inventory: Inventory) -> Target:
    from observe.clients.credentials import grafana_credentials
    from observe.clients.grafana import GrafanaClient
    from observe.publish.targets.grafana import GrafanaTarget

    try:
        credentials = grafana_credentials(os.environ)
    except UsageError as error:
        raise UsageError(f"{error}; or publish elsewhere, with --to cluster or --output DIR") from error
    mesh = inventory.mesh
    return GrafanaTarget(GrafanaClient(credentials), mesh=mesh.name, folder=mesh.grafana.folder)
