"""Outages in a fleet: what fails, and whose alerts fire because of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Final

from observe.alerting import Alert, rule_groups
from observe.alertmanager import Configuration, configuration
from observe.drills.notifications import Firing
from observe.graph import Graph
from observe.signals import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from observe.drills.notifications import Labels
    from observe.model import Inventory, Service
    from observe.naming import ServiceAlert

FAILING: Final[tuple[ServiceAlert, ...]] = ("ServiceErrorRateCritical", "ServiceErrorRateHigh")
"""What a service says that fails most of its requests: a page and a ticket."""
QUIET: Final = (0, 1, 2)
"""Up to so many calls away from what fails, callers stay below their limits."""


@dataclass(frozen=True, slots=True)
class Outage:
    """What fails, and who fails because of it."""

    title: str
    roots: tuple[Service, ...]
    suffering: tuple[Service, ...]
    """Services that wait for a root, directly or around corners, and are further away than the quiet ones."""
    quiet: int

    @property
    def mesh(self) -> str:
        """A mesh of its own, so that one Alertmanager can hear of several outages at once."""
        return "-".join((*(root.name for root in self.roots), "quiet", str(self.quiet)))


@dataclass(frozen=True)
class Fleet:
    """A fleet with its generated alerts, and a few outages that stand for the others."""

    inventory: Inventory

    @cached_property
    def graph(self) -> Graph:
        return Graph(self.inventory)

    @cached_property
    def alerts(self) -> tuple[Alert, ...]:
        groups = rule_groups(self.graph, catalogue(self.inventory))
        return tuple(rule for group in groups for rule in group.rules if isinstance(rule, Alert))

    def configuration(self, mesh: str) -> Configuration:
        """What is generated for the fleet if its mesh has this name."""
        inventory = replace(self.inventory, mesh=replace(self.inventory.mesh, name=mesh))
        return configuration(inventory, Graph(inventory), self.alerts)

    def firing(self, outage: Outage) -> Iterator[Firing]:
        """The alerts of an outage, all from the first moment on."""
        for service in (*outage.roots, *outage.suffering):
            for alert in self._failing[service.id]:
                yield Firing(_labels(alert, outage.mesh), 0)

    @cached_property
    def _failing(self) -> Mapping[str, list[Alert]]:
        """By service id, its alerts about failing requests."""
        found: dict[str, list[Alert]] = {service.id: [] for service in self.inventory.services}
        for alert in self.alerts:
            if alert.name in FAILING:
                labels = dict(alert.labels)
                found[f"{labels['namespace']}/{labels['service']}"].append(alert)
        return found

    def outages(self) -> Iterator[Outage]:
        ranked = sorted(self.inventory.services, key=lambda service: (len(self._distances([service])), service.id))
        leaves = [service for service in ranked if not service.calls]
        between = [service for service in ranked if service.calls and self.graph.callers(service)]
        uncalled = [service for service in ranked if not self.graph.callers(service) and service.role != "gateway"]
        yield from self._variants("the leaf for which most wait", leaves[-1])
        yield from self._variants("a leaf in the middle", leaves[len(leaves) // 2])
        yield from self._variants("the leaf for which fewest wait", leaves[0])
        yield from self._variants("a service in the middle of the chains", between[len(between) // 2])
        yield from self._variants("two leaves at once", *leaves[-2:])
        yield from self._variants("a service that nobody calls", uncalled[0])

    def _variants(self, title: str, *roots: Service) -> Iterator[Outage]:
        """Everybody who waits fails, too; or those who are nearest do not."""
        distances = self._distances(roots)
        for quiet in QUIET:
            suffering = [one for one in self.inventory.services if distances.get(one.id, 0) > quiet]
            if suffering or quiet == 0:
                yield Outage(title, roots, tuple(suffering), quiet)

    def _distances(self, roots: Iterable[Service]) -> Mapping[str, int]:
        """Who waits for one of the roots, by id, with the fewest calls between the two; the roots themselves with 0."""
        frontier = {root.id: root for root in roots}
        found = dict.fromkeys(frontier, 0)
        for distance in count(1):
            edges = [edge for service in frontier.values() for edge in self.graph.callers(service)]
            callers = {edge.caller.id: edge.caller for edge in edges if not edge.call.asynchronous}
            frontier = {id_: caller for id_, caller in callers.items() if id_ not in found}
            if not frontier:
                break
            found |= dict.fromkeys(frontier, distance)
        return found


def _labels(alert: Alert, mesh: str) -> Labels:
    """As Alertmanager gets them."""
    return tuple(sorted({**dict(alert.labels), "alertname": alert.name, "mesh": mesh}.items()))
