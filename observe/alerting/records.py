"""The recording rules: raw series are read here, once per interval for the whole mesh, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.alerting.alert import Group, Record

if TYPE_CHECKING:
    from observe.model import Mesh
    from observe.signals import Catalogue


def mesh_records(mesh: Mesh, signals: Catalogue) -> Group:
    """One group, since rules of a group run in order and later records read earlier ones."""
    rules = tuple(Record(signal.record, signal.measure) for signal in signals.recorded)
    return Group(f"{mesh.name}-mesh-records", mesh.prometheus.evaluation_interval, rules)
