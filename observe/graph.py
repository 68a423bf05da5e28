"""The call graph: who calls whom, and which chains and cycles follow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from observe.model import Call, Inventory, Service


@dataclass(frozen=True, slots=True)
class Edge:
    """One service calls another."""

    caller: Service
    callee: Service
    call: Call
    index: int
    """Which of the caller's calls it is."""


@dataclass(frozen=True)
class Graph:
    """The declared calls of an inventory."""

    inventory: Inventory

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """All calls, by caller and in the order they were declared."""
        return tuple(
            Edge(caller, self.inventory.by_id[call.service], call, index)
            for caller in self.inventory.services
            for index, call in enumerate(caller.calls)
        )

    @cached_property
    def _incoming(self) -> Mapping[str, tuple[Edge, ...]]:
        incoming: dict[str, list[Edge]] = {}
        for edge in self.edges:
            incoming.setdefault(edge.callee.id, []).append(edge)
        return {callee: tuple(edges) for callee, edges in incoming.items()}

    def callers(self, service: Service) -> tuple[Edge, ...]:
        """The calls to a service, sorted by caller."""
        return self._incoming.get(service.id, ())

    def callees(self, service: Service) -> tuple[Service, ...]:
        """The services it calls and waits for."""
        return tuple(self.inventory.by_id[call.service] for call in service.calls if not call.asynchronous)

    def cycles(self) -> tuple[tuple[Service, ...], ...]:
        """Groups of services that wait for each other, directly or around corners; each sorted, none twice.

        These are the strongly connected components with more than one service, and services that call themselves
        (Kosaraju's algorithm, without recursion: a chain may be longer than Python's stack).
        """
        groups = (sorted(group, key=lambda service: service.id) for group in self._components())
        found = [tuple(group) for group in groups if len(group) > 1 or group[0] in self.callees(group[0])]
        return tuple(sorted(found, key=lambda group: group[0].id))

    def _components(self) -> Iterator[list[Service]]:
        """Strongly connected components: walk against the calls, beginning with who finished last."""
        assigned: set[str] = set()
        for root in reversed(self._finish_order()):
            component, waiting = [], [root]
            while waiting:
                service = waiting.pop()
                if service.id not in assigned:
                    assigned.add(service.id)
                    component.append(service)
                    waiting += [edge.caller for edge in self.callers(service) if not edge.call.asynchronous]
            if component:
                yield component

    def _finish_order(self) -> list[Service]:
        """The services in the order in which a depth-first walk along the calls leaves them."""
        order: list[Service] = []
        seen: set[str] = set()
        for root in self.inventory.services:
            path = [] if root.id in seen else [(root, iter(self.callees(root)))]
            seen.add(root.id)
            while path:
                service, callees = path[-1]
                fresh = next((callee for callee in callees if callee.id not in seen), None)
                if fresh is None:
                    order.append(service)
                    path.pop()
                else:
                    seen.add(fresh.id)
                    path.append((fresh, iter(self.callees(fresh))))
        return order
