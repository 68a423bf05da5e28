"""Waypoint: the proxy of an ambient namespace that knows single requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.istio.gateways.kubernetes_gateway import API_VERSION, KIND, managed
from observe.istio.metadata import Manifest, manifest
from observe.model import Namespace
from observe.naming import WAYPOINT
from observe.provenance import DECLARED, Origin, Sourced, of_mesh

if TYPE_CHECKING:
    from observe.model import Inventory, Mesh

LABEL_TRAFFIC: Final = "istio.io/waypoint-for"


def waypoint(inventory: Inventory, namespace: str) -> Manifest | None:
    """A namespace's waypoint, in an ambient mesh; None where there is none, or nothing in the mesh to need it."""
    mesh = inventory.mesh
    inside = inventory.by_namespace.get(namespace, ())
    if not mesh.has_waypoint(namespace) or not any(service.in_mesh for service in inside):
        return None
    origin = decided(mesh, namespace)
    spec: Manifest = {
        "gatewayClassName": Sourced("istio-waypoint", origin),
        # Anything but this one listener is refused (istio `conversion.go`, `unexpectedWaypointListener`).
        "listeners": Sourced([{"name": "mesh", "port": 15008, "protocol": "HBONE"}], origin),
    }
    services = Sourced("service", Origin("requests to Services; whoever dials a pod goes past it"))
    labels = {LABEL_TRAFFIC: services, **managed(mesh)}
    return manifest(mesh, API_VERSION, KIND, namespace, WAYPOINT, spec, labels=labels)


def decided(mesh: Mesh, namespace: str, why: str = DECLARED) -> Origin:
    """What decides that a namespace has a waypoint: its own word, else the mesh's."""
    own = mesh.namespaces.get(namespace, Namespace()).waypoint is not None
    return of_mesh(*(("namespaces", namespace, "waypoint") if own else ("waypoints",)), why=why)
