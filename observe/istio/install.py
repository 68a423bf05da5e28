"""The part of Istio's installation that the pack's alerts and panels cannot do without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.istio.metadata import Manifest, manifest

if TYPE_CHECKING:
    from observe.model import Inventory

KIND: Final = "IstioOperator"
API_VERSION: Final = "install.istio.io/v1alpha1"


def istio_operator(inventory: Inventory) -> Manifest:
    """An overlay for `istioctl install -f`: the stats matcher, without which no proxy exports breaker statistics.

    It is an input of the installer, not an object of the cluster. Proxies take it at their next start.
    """
    matcher = {"inclusionRegexps": list(telemetry.stats_matcher(inventory.mesh))}
    spec = {"meshConfig": {"defaultConfig": {"proxyStatsMatcher": matcher}}}
    mesh = inventory.mesh
    return manifest(mesh, API_VERSION, KIND, mesh.root_namespace, f"{mesh.name}-telemetry", spec)
