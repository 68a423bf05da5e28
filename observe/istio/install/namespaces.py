"""Labels of namespaces: which of them Istio takes into the mesh.

They are for a person to apply (`kubectl apply --server-side`): namespaces are not the pack's, and taking a label away
takes a whole team out of the mesh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.naming import WAYPOINT
from observe.provenance import Origin, Sourced, of_mesh

if TYPE_CHECKING:
    from observe.istio.metadata import Manifest
    from observe.model import Inventory, Mesh


def namespace_labels(inventory: Inventory) -> Manifest | None:
    """Namespaces with nothing but their labels, as one List; None when there is nothing to be labelled."""
    mesh = inventory.mesh
    labels = {name: _labels(mesh, name) for name in sorted({service.namespace for service in inventory.in_mesh})}
    if mesh.installation.network:
        network = Sourced(mesh.installation.network, of_mesh("installation", "network"))
        labels[mesh.root_namespace] = {"topology.istio.io/network": network, **labels.get(mesh.root_namespace, {})}
    items = [_namespace(name, labels[name]) for name in sorted(labels)]
    return {"apiVersion": "v1", "kind": "List", "items": items} if items else None


def _namespace(name: str, labels: Manifest) -> Sourced[Manifest]:
    whole = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    return Sourced(whole, Origin("a namespace with services in the mesh"))


def _labels(mesh: Mesh, namespace: str) -> Manifest:
    """What injects sidecars, or sends a namespace's traffic through ztunnel and its waypoint."""
    if mesh.data_plane == "ambient":
        labels = {"istio.io/dataplane-mode": Sourced("ambient", of_mesh("data_plane"))}
        why = Origin("the namespace has a waypoint: without the label nothing passes through it")
        return labels | ({"istio.io/use-waypoint": Sourced(WAYPOINT, why)} if mesh.has_waypoint(namespace) else {})
    if mesh.installation.revision:
        return {"istio.io/rev": Sourced(mesh.installation.revision, of_mesh("installation", "revision"))}
    return {"istio-injection": Sourced("enabled", Origin("its services are in the mesh; there is no revision"))}
