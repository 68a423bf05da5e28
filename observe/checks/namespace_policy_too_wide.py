"""A namespace's policy would hold for the whole mesh, or for the gateways that everything comes in through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about_mesh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.model import Inventory, Mesh

CODE = "OBS121"
TITLE = "A namespace's policy would cut off more than its services"


def find(graph: Graph) -> Iterator[Finding]:
    """Findings for the root namespace, whose policies are everybody's, and for the namespaces of gateways."""
    mesh = graph.inventory.mesh
    for name, namespace in sorted(mesh.namespaces.items()):
        if name == mesh.root_namespace:
            yield from _of_root(graph.inventory, name)
        elif namespace.default_deny and (gateways := _gateways(mesh, name)):
            problem = f"denies by default, and {gateways} runs there: every request from outside would be refused"
            remedy = "remove default_deny there, or give the gateway a namespace of its own"
            below = ("namespaces", name, "default_deny")
            yield about_mesh(graph.inventory, below, CODE, Severity.ERROR, problem, remedy)


def _of_root(inventory: Inventory, name: str) -> Iterator[Finding]:
    root = inventory.mesh.namespaces[name]
    if root.default_deny:
        problem = "denies by default, and is the root namespace: every workload of the mesh would refuse everybody"
        remedy = "remove it, and write default_deny for the namespaces that are meant"
        below = ("namespaces", name, "default_deny")
        yield about_mesh(inventory, below, CODE, Severity.ERROR, problem, remedy)
    if root.mtls:
        problem = "has an mTLS mode, and is the root namespace: it would hold for the whole mesh"
        below = ("namespaces", name, "mtls")
        yield about_mesh(inventory, below, CODE, Severity.ERROR, problem, "move it to mesh.mtls if that is meant")


def _gateways(mesh: Mesh, namespace: str) -> str:
    """The gateways whose pods are there, in words."""
    names = [f"gateway {name}" for name, gateway in sorted(mesh.gateways.items()) if gateway.namespace == namespace]
    if mesh.ingress.namespace == namespace and not names:
        names = ["the ingress gateway"]
    return " and ".join(names)
