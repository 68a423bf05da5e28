"""Only the namespace's label asks for the sidecar: whoever removes the label takes the service out of the mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph

CODE = "OBS106"
TITLE = "A pod template does not ask for its sidecar"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each service whose injection is not explicit. An ambient mesh has no sidecars to ask for."""
    if graph.inventory.mesh.data_plane != "sidecar":
        return
    for service in graph.inventory.in_mesh:
        if service.injection != "explicit":
            problem = "does not ask for its sidecar itself; the namespace's label injects it, but explicit is safer"
            remedy = 'label the pod template sidecar.istio.io/inject: "true", and set injection: explicit here'
            yield about(graph.inventory, service, ("injection",), CODE, Severity.WARNING, problem, remedy)
