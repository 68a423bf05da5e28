"""Tries that do not fit into the timeout: the last ones are promised, and never made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe import policy
from observe.checks.finding import Finding, Severity, about
from observe.model import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Edge, Graph
    from observe.model import Inventory, Path, Retries, Service
    from observe.policy import RoutePolicy

CODE = "OBS110"
TITLE = "Retries do not fit into the timeout"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each declaration of retries that its requests have no time for."""
    inventory = graph.inventory
    for service in inventory.services:
        yield from _own(inventory, service)
    for edge in graph.edges:
        yield from _callers(inventory, edge)


def _own(inventory: Inventory, service: Service) -> Iterator[Finding]:
    found = policy.route(inventory, service)
    yield from _judge(inventory, service, ("route", "retries"), service.route.retries, found)
    for index, endpoint in enumerate(service.endpoints):
        found = policy.route(inventory, service, endpoint=endpoint)
        where = ("endpoints", index, "retries")
        yield from _judge(inventory, service, where, endpoint.retries, found, endpoint.title)


def _callers(inventory: Inventory, edge: Edge) -> Iterator[Finding]:
    callee, call = edge.callee, edge.call
    below = ("calls", edge.index)
    found = policy.route(inventory, callee, edge=edge)
    yield from _judge(inventory, edge.caller, (*below, "retries"), call.retries, found, f"calls to {callee.id}")
    for index, endpoint in enumerate(call.endpoints):
        found = policy.route(inventory, callee, edge=edge, endpoint=endpoint)
        where, what = (*below, "endpoints", index, "retries"), f"{endpoint.title} of {callee.id}"
        yield from _judge(inventory, edge.caller, where, endpoint.retries, found, what)


def _judge(
    inventory: Inventory,
    service: Service,
    below: Path,
    said: Retries | None,
    found: RoutePolicy,
    what: str = "requests",
) -> Iterator[Finding]:
    timeout = found.timeout.value
    if said is None or timeout is None:
        return
    whole, attempts = policy.overrun(found), found.attempts.value
    if whole:
        yield about(inventory, service, below, CODE, Severity.WARNING, *_too_long(what, said, timeout, whole, found))
    elif attempts < said.attempts:
        limit = f"the timeout of {format_duration(timeout)} ({found.timeout.origin.why})"
        problem = f"allows {said.attempts} retries for {what}, but {limit} has room for {attempts or 'none'}"
        remedy = f"set attempts to {attempts}, or raise the timeout"
        yield about(inventory, service, below, CODE, Severity.WARNING, problem, remedy)


def _too_long(what: str, said: Retries, timeout: int, whole: int, found: RoutePolicy) -> tuple[str, str]:
    """Problem and remedy of tries that take longer than the timeout, with the sum that shows it."""
    each, tries, waits = said.per_try_timeout or 0, said.attempts + 1, policy.waits(said.attempts)
    total = f"{tries} x {format_duration(each)} and up to {waits}ms of waits are {whole}ms"
    problem = (
        f"tries {what} for longer than their timeout: {total}, more than {format_duration(timeout)} "
        f"({found.timeout.origin.why}), so the last tries are cut off"
    )
    share = policy.share_of(timeout, said.attempts)
    shorter = f"set per_try_timeout to {format_duration(share)} or less" if share else "lower attempts"
    return problem, f"{shorter}, or raise the timeout to {whole}ms"
