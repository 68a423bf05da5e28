"""Telemetry for the whole mesh: which share of the requests is traced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.istio.metadata import Manifest, manifest
from observe.provenance import Origin, Sourced, of_mesh

if TYPE_CHECKING:
    from observe.model import Inventory

KIND: Final = "Telemetry"
API_VERSION: Final = "telemetry.istio.io/v1"
NAME: Final = "mesh-default"
"""As in Istio's documentation: of several without a selector only the oldest would count (IST0160)."""
PROVIDER: Final = "otel-tracing"
"""The collector's name in MeshConfig."""


def mesh_tracing(inventory: Inventory) -> Manifest | None:
    """The mesh's Telemetry in its root namespace; None when nothing is traced.

    The share stands here and not in MeshConfig: proxies take it without a restart, and a namespace or a workload may
    have another one.
    """
    mesh = inventory.mesh
    tracing = mesh.installation.tracing
    if tracing is None:
        return None
    provider = Sourced(PROVIDER, Origin("the collector's name in the installation"))
    share = Sourced(round(100 * tracing.sampling, 6), of_mesh("installation", "tracing", "sampling"))
    spec = {"tracing": [{"providers": [{"name": provider}], "randomSamplingPercentage": share}]}
    return manifest(mesh, API_VERSION, KIND, mesh.root_namespace, NAME, spec)
