"""Who plays which part in an incident: chosen by rule, so that every inventory has its own, and always the same."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from observe import policy
from observe.errors import UsageError
from observe.graph import Graph
from observe.simulation.engine import Engine
from observe.simulation.outcome import instances
from observe.simulation.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    from observe.model import Inventory, Service
    from observe.simulation.traffic import Link


class Impossible(UsageError):
    """The incident cannot happen in this inventory; the message says why."""


@dataclass(frozen=True)
class Cast:
    """An inventory, and who in it fits a part."""

    inventory: Inventory

    @cached_property
    def engine(self) -> Engine:
        return Engine(Traffic(Graph(self.inventory)))

    @property
    def sidecars(self) -> bool:
        """Whether pods report for themselves. Those of an ambient mesh do not: no rule can tell that they are gone."""
        return self.inventory.mesh.data_plane == "sidecar"

    @property
    def traffic(self) -> Traffic:
        return self.engine.traffic

    @cached_property
    def seen(self) -> tuple[Link, ...]:
        """The links of which requests are reported by somebody, to services with a proxy."""
        ambient = self.inventory.mesh.data_plane == "ambient"
        return tuple(
            link
            for link in self.traffic.links
            if link.service.in_mesh and not link.is_tcp and link.caller.proxy and link.caller.scraped
            if not ambient or link.caller.gateway or self.inventory.mesh.has_waypoint(link.service.namespace)
        )

    @cached_property
    def inside(self) -> tuple[Link, ...]:
        """Those of them between services of the inventory, the ones first that most requests of their callers take."""
        found = [link for link in self.seen if link.origin and not link.steady]
        return tuple(sorted(found, key=lambda link: (-link.calls, link.key)))

    def share(self, link: Link) -> float:
        """The share of the requests to a service that usually come on a link."""
        rates = zip(self.engine.links, self.engine.ordinary.rates, strict=True)
        to_it = {other.key: rate for other, rate in rates if other.service.id == link.service.id}
        return to_it[link.key] / sum(to_it.values())

    def callers(self, service: Service) -> tuple[Link, ...]:
        """The links to a service that are seen."""
        return tuple(link for link in self.seen if link.service.id == service.id)

    def busiest(self, fits: Callable[[Service], bool] = lambda _: True) -> Service | None:
        """Of the services that are called in requests the one with most callers, the busiest of several such, the
        first of equals; one that services wait for before one that only outsiders call.
        """
        found = [service for service in self.inventory.in_mesh if self.callers(service) and fits(service)]
        return min(found, key=self._importance, default=None)

    def named(self, *words: str, role: str) -> Service | None:
        """The busiest service whose name holds one of the words, the first words first; else of the role, else any."""
        named = (self.busiest(partial(_has, word)) for word in words)
        return next(filter(None, named), None) or self.busiest(lambda service: service.role == role) or self.busiest()

    def leaf(self) -> Service | None:
        """The data service that most services wait for, directly or around corners; else any service like that."""
        called = [service for service in self.inventory.services if self.waiting(service)]
        data = [service for service in called if service.role == "data"]
        return min(data or called, key=lambda service: (-len(self.waiting(service)), service.id), default=None)

    def waiting(self, service: Service) -> frozenset[str]:
        """The ids of the services that wait for a service, directly or around corners."""
        found: set[str] = set()
        open_ = [service.id]
        while open_:
            callee = open_.pop()
            for link in self.traffic.links:
                if link.service.id == callee and link.awaited and link.origin and link.origin.id not in found:
                    found.add(link.origin.id)
                    open_.append(link.origin.id)
        return frozenset(found)

    def ejectable(self, service: Service) -> bool:
        """Whether some caller's proxy may eject an instance of a service, and keeps another."""
        outlier = policy.breaker(self.inventory, service).outlier
        if outlier is None:
            return False
        counts = [instances(link) for link in self.callers(service)]
        return any(count > 1 and outlier.max_ejection_percent.value * count >= 100 for count in counts)

    def _importance(self, service: Service) -> tuple[bool, int, float, str]:
        callers = self.callers(service)
        inside = [link for link in callers if link.origin]
        return (not inside, -len(callers), -round(self.traffic.rates[service.id], 6), service.id)


def need(service: Service | None, why: str) -> Service:
    """The service, if there is one. Raises Impossible with the reason."""
    if service is None:
        raise Impossible(why)
    return service


def _has(word: str, service: Service) -> bool:
    return word in service.name
