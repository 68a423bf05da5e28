"""Services of the same pods ask for different things: of two PeerAuthentications for a pod the older one counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about
from observe.istio.security.peer_authentication import modes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.model import Inventory, Service

CODE = "OBS124"
TITLE = "Services with the same pods contradict each other"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each service that differs from the first one with its pods."""
    inventory = graph.inventory
    for first, *others in inventory.by_pods.values():
        for service in others:
            if how := _contradiction(inventory, first, service):
                problem = f"has the same pods as {first.id}, and {how}"
                remedy = "give both the same mtls, metrics and authorization, or make them one service"
                yield about(inventory, service, ("labels",), CODE, Severity.ERROR, problem, remedy)


def _contradiction(inventory: Inventory, one: Service, other: Service) -> str:
    """What differs, in words; empty where nothing does (istio `pilot/pkg/security/authn/policy_applier.go`)."""
    if modes(inventory, one) != modes(inventory, other):
        return "other mTLS modes: of two PeerAuthentications for the same pods Istio heeds the older one alone"
    if one.authorization != other.authorization:
        return (
            "only one of the two is authorized in a dry run: the other's policy refuses whom the dry run would let in"
        )
    return ""
