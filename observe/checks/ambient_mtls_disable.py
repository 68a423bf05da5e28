"""mTLS is turned off where nothing can turn it off: ztunnel knows STRICT, and everything else is PERMISSIVE to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.checks.finding import Finding, Severity, about, about_mesh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph

CODE = "OBS120"
TITLE = "Mutual TLS cannot be turned off in an ambient mesh"

PROBLEM: Final = "has mTLS mode DISABLE in an ambient mesh, where it means PERMISSIVE: ztunnel goes on encrypting"
REMEDY: Final = "write PERMISSIVE if callers without a certificate are meant, else STRICT"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each place where it is written (istio `pilot/pkg/serviceregistry/ambient/authorization.go`)."""
    inventory, mesh = graph.inventory, graph.inventory.mesh
    if mesh.data_plane != "ambient":
        return
    for service in inventory.in_mesh:
        if service.mtls.mode == "DISABLE":
            yield about(inventory, service, ("mtls", "mode"), CODE, Severity.ERROR, PROBLEM, REMEDY)
    for below, default in mesh.mtls_defaults.items():
        if default.mode == "DISABLE":
            yield about_mesh(inventory, (*below, "mode"), CODE, Severity.ERROR, PROBLEM, REMEDY)
