"""Services wait for each other: a slow one slows itself, and no timeout can be right for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.model import Service

CODE = "OBS103"
TITLE = "Services call each other in a circle"


def find(graph: Graph) -> Iterator[Finding]:
    """One finding for each group of services that wait for each other, at the first call of a shortest circle."""
    for group in graph.cycles():
        circle = _shortest(graph, group[0])
        names = " -> ".join(service.id for service in circle)
        others = f" ({len(group)} services wait for each other in all)" if len(group) >= len(circle) else ""
        problem = f"waits for itself: {names}{others}"
        remedy = "remove one of the calls, or mark it asynchronous where nobody waits for the answer"
        below = ("calls", _index(group[0], circle[1]))
        yield about(graph.inventory, group[0], below, CODE, Severity.ERROR, problem, remedy)


def _shortest(graph: Graph, start: Service) -> tuple[Service, ...]:
    """The services along a shortest way from a service back to itself, which there is in such a group."""
    came_from: dict[str, Service] = {}
    waiting = [start]
    for service in waiting:
        for callee in graph.callees(service):
            if callee.id not in came_from:
                came_from[callee.id] = service
                waiting.append(callee)
    circle = [start, came_from[start.id]]
    while circle[-1].id != start.id:
        circle.append(came_from[circle[-1].id])
    return tuple(reversed(circle))


def _index(caller: Service, callee: Service) -> int:
    """Which of the caller's calls it is that waits for the callee."""
    calls = enumerate(caller.calls)
    return next(index for index, call in calls if call.service == callee.id and not call.asynchronous)
