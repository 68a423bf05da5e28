"""Only the namespace's label asks for the sidecar: whoever removes the label takes the service out of the mesh."""

from __future__ import annotations

from collections.abc import Iterator

from observe.checks.finding import Finding, Severity, about
from observe.graph import Graph
from observe.model import Inventory

CODE = "OBS106"
TITLE = "A pod template does not ask for its sidecar"


def find(inventory: Inventory, graph: Graph) -> Iterator[Finding]:
    if inventory.mesh.data_plane != "sidecar":
        return
    for service in inventory.in_mesh:
        if service.injection != "explicit":
            problem = "has no explicit sidecar annotation; the namespace's label injects it, but explicit is safer"
            remedy = 'add sidecar.istio.io/inject: "true" to the pod template, and set injection: explicit here'
            yield about(inventory, service, ("injection",), CODE, Severity.WARNING, problem, remedy)
