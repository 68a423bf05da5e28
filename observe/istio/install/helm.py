"""The same installation as values of Istio's Helm charts: one file for each release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe import naming
from observe.istio.install import data_plane
from observe.istio.install.gateways import GatewayPods, gateway_pods
from observe.istio.install.mesh_config import mesh_config
from observe.istio.install.operator import ztunnel
from observe.istio.install.scaling import apart, bounds
from observe.istio.install.values import global_values, injector, istiod
from observe.provenance import Origin, Sourced, of_mesh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.istio.install.sizing import Fleet
    from observe.istio.metadata import Manifest
    from observe.model import Mesh


def helm_values(fleet: Fleet) -> Iterator[tuple[str, Manifest]]:
    """Paths in the pack, and values for `helm install -f`. The namespace of a release is said there, not here."""
    mesh = fleet.inventory.mesh
    yield naming.helm_path("base"), _base(mesh)
    yield naming.helm_path("istiod"), _istiod(fleet)
    if mesh.data_plane == "ambient":
        yield naming.helm_path("cni"), {**_profile(mesh), **_revision(mesh)}
        yield naming.helm_path("ztunnel"), {**_profile(mesh), **_revision(mesh), **ztunnel(fleet)}
    for pods in gateway_pods(mesh):
        yield naming.helm_gateway_path(pods.namespace.value, pods.name.value), _gateway(fleet, pods)


def _base(mesh: Mesh) -> Manifest:
    default = Sourced("default", Origin("the only control plane"))
    revision = _revision(mesh).get("revision", default)
    root = Sourced(mesh.root_namespace, of_mesh("root_namespace"))
    return {"defaultRevision": revision, "global": {"istioNamespace": root}}


def _istiod(fleet: Fleet) -> Manifest:
    """Without the prefix `pilot`, which the chart of istiod knows only for old values."""
    inventory = fleet.inventory
    return {
        **_profile(inventory.mesh),
        **_revision(inventory.mesh),
        **istiod(fleet),
        "global": global_values(fleet),
        **injector(inventory),
        **data_plane.gateway_classes(fleet),
        "meshConfig": mesh_config(inventory),
    }


def _gateway(fleet: Fleet, pods: GatewayPods) -> Manifest:
    one = Origin("as istioctl's own gateways have it")
    return {
        "name": pods.name,
        **_revision(fleet.inventory.mesh),
        "labels": pods.all_labels,
        **_account(pods),
        "autoscaling": bounds("minReplicas", "maxReplicas", data_plane.gateway_replicas(fleet)),
        "podDisruptionBudget": {"minAvailable": Sourced(1, one)},
        "resources": data_plane.gateway(fleet),
        "affinity": apart(pods.name.value),
    }


def _account(pods: GatewayPods) -> Manifest:
    """The release that makes a service account also gives it the right to read certificates."""
    if pods.makes_account:
        made = Sourced(True, Origin("it comes with this gateway"))
        return {"serviceAccount": {"create": made, "name": pods.service_account}}
    there = Sourced(False, Origin("another gateway's release makes it"))
    return {"serviceAccount": {"create": there, "name": pods.service_account}, "rbac": {"enabled": there}}


def _profile(mesh: Mesh) -> Manifest:
    return {"profile": Sourced("ambient", of_mesh("data_plane"))} if mesh.data_plane == "ambient" else {}


def _revision(mesh: Mesh) -> Manifest:
    revision = mesh.installation.revision
    return {"revision": Sourced(revision, of_mesh("installation", "revision"))} if revision else {}
