"""The installation of Istio, from the same inventory as everything else.

Two ways that say the same: an IstioOperator for `istioctl install`, and values for Helm. Beside them what is not
Istio's but has to fit: labels of namespaces, and patches of the users' own workloads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe import naming
from observe.istio.install.helm import helm_values
from observe.istio.install.namespaces import namespace_labels
from observe.istio.install.operator import istio_operator
from observe.istio.install.sizing import Fleet
from observe.istio.install.values import objective_limits
from observe.istio.install.workloads import workload_patches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.istio.metadata import Manifest
    from observe.model import Inventory

__all__ = ["Fleet", "installation", "istio_operator", "objective_limits"]


def installation(inventory: Inventory) -> Iterator[tuple[str, Manifest]]:
    """Paths in the pack, and what is input of an installer or of the users' own deployment."""
    fleet = Fleet(inventory)
    yield naming.INSTALL_PATH, istio_operator(fleet)
    yield from helm_values(fleet)
    if labels := namespace_labels(inventory):
        yield naming.NAMESPACES_PATH, labels
    yield from workload_patches(fleet)
