"""How far a failure explains others along the declared calls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from observe.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from observe.model import Inventory, Service


def every_call_waits(inventory: Inventory) -> Graph:
    """The graph with the asynchronous calls as part of it: a request that nobody waits for is traffic, too."""
    return Graph(replace(inventory, services=tuple(map(_waiting, inventory.services))))


def _waiting(service: Service) -> Service:
    return replace(service, calls=tuple(replace(call, asynchronous=False) for call in service.calls))


@dataclass(frozen=True)
class Propagation:
    """Whose failures follow from whose, by the calls that are waited for.

    Services that wait for each other, directly or around corners, never explain each other: each would mute the next
    one around the cycle, since Alertmanager lets a muted alert mute others, and nobody would be told.
    """

    graph: Graph

    @cached_property
    def _cycle(self) -> Mapping[str, int]:
        return {member.id: number for number, cycle in enumerate(self.graph.cycles()) for member in cycle}

    def together(self, one: Service, other: Service) -> bool:
        """Whether they are on one cycle, or the same service."""
        return one.id == other.id or (one.id in self._cycle and self._cycle[one.id] == self._cycle.get(other.id))

    def callers(self, service: Service) -> Iterator[Service]:
        """The services that call it and wait, except those on its own cycle."""
        return (caller for caller in self._callers(service) if not self.together(service, caller))

    def sufferers(self, service: Service, audible: Callable[[Service], bool], reach: int) -> tuple[Service, ...]:
        """Who suffers when the service fails, sorted: the audible services that are at most `reach` calls away from it.
        Services that have no alerts of their own do not count on the way.

        Further ones are reached from one alert to the next. Neighbours alone would not do: a service that passes a
        third of the failures on may be below its own limit, while who calls it is held to a stricter one.
        """
        found: dict[str, Service] = {}
        reached = {service.id}
        frontier = [service]
        for _ in range(reach):
            frontier = list(self._heard_behind(frontier, reached, audible))
            found |= {caller.id: caller for caller in frontier if not self.together(service, caller)}
        return tuple(sorted(found.values(), key=lambda caller: (caller.namespace, caller.name)))

    def _heard_behind(
        self, services: list[Service], reached: set[str], audible: Callable[[Service], bool]
    ) -> Iterator[Service]:
        """The audible callers, and through callers that have no alerts of their own, those behind them."""
        waiting = list(services)
        while waiting:
            for caller in self._callers(waiting.pop()):
                if caller.id not in reached:
                    reached.add(caller.id)
                    if audible(caller):
                        yield caller
                    else:
                        waiting.append(caller)

    def _callers(self, service: Service) -> Iterator[Service]:
        return (edge.caller for edge in self.graph.callers(service) if not edge.call.asynchronous)
