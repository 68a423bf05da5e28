"""Two services share an identity and not their rights: each may do what only the other declares."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from observe.checks.finding import Finding, Severity, about, few
from observe.istio.security.grants import DEFAULT_ACCOUNT, of_call
from observe.istio.security.operations import ANY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Edge, Graph
    from observe.istio.security.operations import Operation
    from observe.model import Inventory, Port, Service

CODE = "OBS125"
TITLE = "Services with different rights share a service account"

Right: TypeAlias = "tuple[str, Port, Operation]"
"""A callee, its port, and what may be done there."""
Calls: TypeAlias = "defaultdict[str, list[Edge]]"
"""A caller's calls, by its id."""


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each service that may call more than its pods declare. The namespace's `default` account is
    OBS104, and services of the same pods have one account by nature.
    """
    accounts: dict[tuple[str, str], list[tuple[Service, ...]]] = defaultdict(list)
    for services in graph.inventory.by_pods.values():
        account = services[0].service_account
        if account not in (None, DEFAULT_ACCOUNT):
            accounts[services[0].namespace, account or ""].append(services)
    calls: Calls = defaultdict(list)
    for edge in graph.edges:
        calls[edge.caller.id].append(edge)
    for workloads in accounts.values():
        if len(workloads) > 1:
            yield from _among(graph.inventory, calls, workloads)


def _among(inventory: Inventory, calls: Calls, workloads: list[tuple[Service, ...]]) -> Iterator[Finding]:
    rights = [_rights(inventory, calls, services) for services in workloads]
    together = set().union(*rights)
    for services, own in zip(workloads, rights, strict=True):
        gained = {callee for callee, port, did in together if not {(callee, port, did), (callee, port, ANY)} & own}
        if gained:
            others = few([other.id for workload in workloads if workload != services for other in workload])
            problem = (
                f"runs as the same service account as {others}: no policy can tell them apart, "
                f"so it may call {few(sorted(gained))} in ways that it does not declare"
            )
            remedy = "give each a service account of its own"
            below = ("service_account",)
            yield about(inventory, services[0], below, CODE, Severity.WARNING, problem, remedy)


def _rights(inventory: Inventory, calls: Calls, services: tuple[Service, ...]) -> set[Right]:
    """What the pods may do by the calls that are declared for them."""
    edges = [edge for service in services for edge in calls[service.id] if edge.callee.in_mesh]
    made = ((edge, grant) for edge in edges for grant in of_call(inventory, edge) if grant.principal)
    return {(edge.callee.id, grant.port, grant.operation) for edge, grant in made}
