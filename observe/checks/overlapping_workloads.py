"""Pods that two services select, by different labels: two Sidecars would select them, and Istio heeds one."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from observe.checks.finding import Finding, Severity, about

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from observe.graph import Graph
    from observe.model import Inventory, Service

CODE = "OBS114"
TITLE = "Two Sidecars would select the same pods"

Labels: TypeAlias = "frozenset[tuple[str, str]]"
Index: TypeAlias = "Mapping[tuple[str, tuple[str, str]], list[Labels]]"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each service whose pods another one selects by fewer labels. Services with equal selectors share
    one Sidecar, which covers the calls of all of them.
    """
    inventory = graph.inventory
    if inventory.mesh.data_plane != "sidecar" or inventory.mesh.egress_scope != "declared":
        return
    index = _by_label(inventory)
    for (namespace, labels), services in inventory.by_pods.items():
        wider = next(_selecting_more(index, namespace, labels), None)
        if wider is not None:
            yield _finding(inventory, services[0], inventory.by_pods[namespace, wider][0])


def _by_label(inventory: Inventory) -> Index:
    index: dict[tuple[str, tuple[str, str]], list[Labels]] = defaultdict(list)
    rarity = _count(inventory)
    for namespace, labels in inventory.by_pods:
        index[namespace, min(labels, key=lambda label: (rarity[namespace, label], label))].append(labels)
    return index


def _count(inventory: Inventory) -> Mapping[tuple[str, tuple[str, str]], int]:
    """How many selectors of a namespace have a label: looked for by the rarest, a common one costs nothing."""
    count: dict[tuple[str, tuple[str, str]], int] = defaultdict(int)
    for namespace, labels in inventory.by_pods:
        for label in labels:
            count[namespace, label] += 1
    return count


def _selecting_more(index: Index, namespace: str, labels: Labels) -> Iterator[Labels]:
    """Selectors that surely select these pods as well, with fewer labels."""
    for label in sorted(labels):
        for other in index.get((namespace, label), ()):
            if other < labels:
                yield other


def _finding(inventory: Inventory, service: Service, wider: Service) -> Finding:
    by = ", ".join(f"{key}={value}" for key, value in sorted(wider.selector.items()))
    problem = (
        f"has pods that {wider.id} selects too, by {by}: of two Sidecars for a pod Istio heeds the older one, "
        "so that what the other service calls is unknown to them"
    )
    remedy = f"give the pods of {wider.id} a label that these do not have, or both services the same labels"
    return about(inventory, service, ("labels",), CODE, Severity.ERROR, problem, remedy)
