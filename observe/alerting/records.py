"""The recording rules: raw series are read here, once per interval for the whole mesh, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.alerting.alert import Group, Record
from observe.signals.catalogue import MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Mesh, Service
    from observe.signals import Catalogue


def mesh_records(mesh: Mesh, signals: Catalogue) -> tuple[Group, ...]:
    """A group for each family: rules of a group run in order, so later records may read earlier ones."""
    return tuple(_groups(mesh, signals))


def _groups(mesh: Mesh, signals: Catalogue) -> Iterator[Group]:
    made: set[str] = set()
    for family in signals.families:
        fresh = {signal.record: signal for signal in family.signals if signal.record not in made}
        made |= fresh.keys()
        rules = tuple(Record(name, signals.measured(signal)) for name, signal in fresh.items())
        interval = mesh.prometheus.evaluation_interval
        group = Group(f"{mesh.name}-{family.name}", max(interval, MINUTE) if family.slow else interval, rules)
        yield from group.split(mesh.prometheus.rule_limits.rules_per_group)


def service_records(signals: Catalogue, service: Service) -> tuple[Record, ...]:
    """What follows from the service's own promises and pods."""
    return tuple(Record(signal.record, measure) for signal, measure in signals.own(service))
