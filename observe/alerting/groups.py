"""All rules that an inventory gives, in the order in which one would have them evaluated."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from observe.alerting.mesh import mesh_alerts
from observe.alerting.records import mesh_records
from observe.alerting.service import service_rules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from observe.alerting.alert import Group
    from observe.graph import Graph
    from observe.model import Service
    from observe.signals import Catalogue


def rule_groups(graph: Graph, signals: Catalogue, services: Iterable[Service] | None = None) -> tuple[Group, ...]:
    """The mesh's records, the rules of the services (of all, when none are named), and the mesh's alerts."""
    chosen = graph.inventory.services if services is None else services
    own = itertools.chain.from_iterable(service_rules(graph, signals, service) for service in chosen)
    return (*mesh_records(signals.mesh, signals), *own, *mesh_alerts(signals.mesh, signals))
