"""Waypoint: the proxy of an ambient namespace that knows single requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.istio.gateways.kubernetes_gateway import API_VERSION, KIND, managed
from observe.istio.metadata import Manifest, manifest
from observe.naming import WAYPOINT
from observe.provenance import Origin, Sourced, of_mesh

if TYPE_CHECKING:
    from observe.model import Inventory

LABEL_TRAFFIC: Final = "istio.io/waypoint-for"


def waypoint(inventory: Inventory, namespace: str) -> Manifest | None:
    """A namespace's waypoint, in an ambient mesh; None where there is none, or nothing in the mesh to need it."""
    mesh = inventory.mesh
    used = any(service.namespace == namespace for service in inventory.in_mesh)
    if mesh.data_plane != "ambient" or not mesh.has_waypoint(namespace) or not used:
        return None
    listed = namespace in mesh.namespaces and mesh.namespaces[namespace].waypoint is not None
    origin = of_mesh(*(("namespaces", namespace, "waypoint") if listed else ("waypoints",)))
    spec: Manifest = {
        "gatewayClassName": Sourced("istio-waypoint", origin),
        # Anything but this one listener is refused (istio `conversion.go`, `unexpectedWaypointListener`).
        "listeners": Sourced([{"name": "mesh", "port": 15008, "protocol": "HBONE"}], origin),
    }
    services = Sourced("service", Origin("requests to Services; whoever dials a pod goes past it"))
    labels = {LABEL_TRAFFIC: services, **managed(mesh)}
    return manifest(mesh, API_VERSION, KIND, namespace, WAYPOINT, spec, labels=labels)
