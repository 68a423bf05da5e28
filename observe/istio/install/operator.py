"""IstioOperator: the installation for `istioctl install -f`. It is no object of the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.istio.install import data_plane
from observe.istio.install.gateways import GatewayPods, gateway_pods
from observe.istio.install.mesh_config import mesh_config
from observe.istio.install.scaling import apart, bounds
from observe.istio.install.values import global_values, injector, istiod, place
from observe.istio.metadata import manifest
from observe.naming import ACCOUNT_SUFFIX, USUAL_GATEWAY
from observe.provenance import Origin, Sourced, of_mesh

if TYPE_CHECKING:
    from observe.istio.install.sizing import Fleet
    from observe.istio.metadata import Manifest

KIND: Final = "IstioOperator"
API_VERSION: Final = "install.istio.io/v1alpha1"


def istio_operator(fleet: Fleet) -> Manifest:
    """The profile for production, and what the inventory wants otherwise. Images are those of istioctl's version."""
    mesh = fleet.inventory.mesh
    profile = "ambient" if mesh.data_plane == "ambient" else "default"
    spec: Manifest = {"profile": Sourced(profile, of_mesh("data_plane"))}
    if mesh.installation.revision:
        spec["revision"] = Sourced(mesh.installation.revision, of_mesh("installation", "revision"))
    spec["meshConfig"] = mesh_config(fleet.inventory)
    spec["components"] = {"ingressGateways": _gateways(fleet)}
    spec["values"] = _values(fleet)
    return manifest(mesh, API_VERSION, KIND, mesh.root_namespace, mesh.name, spec)


def _values(fleet: Fleet) -> Manifest:
    """Amounts stand here rather than under `components`: the charts look at these when they decide whether a budget
    for disruptions makes sense.
    """
    mesh = fleet.inventory.mesh
    values = {"global": global_values(fleet), "pilot": istiod(fleet), **injector(fleet.inventory)}
    values |= data_plane.gateway_classes(fleet)
    if mesh.data_plane == "ambient":
        values["ztunnel"] = ztunnel(fleet)
    if gateway_pods(mesh):
        scaling = bounds("autoscaleMin", "autoscaleMax", data_plane.gateway_replicas(fleet))
        values["gateways"] = {USUAL_GATEWAY: {**scaling, "resources": data_plane.gateway(fleet)}}
    return values


def ztunnel(fleet: Fleet) -> Manifest:
    """Values of ztunnel's chart, which reads no `global` ones."""
    mesh = fleet.inventory.mesh
    values: Manifest = {"istioNamespace": Sourced(mesh.root_namespace, of_mesh("root_namespace")), **place(mesh)}
    if mesh.installation.access_log == "json":
        values["logAsJson"] = Sourced(True, of_mesh("installation", "access_log"))
    return {**values, "resources": data_plane.ztunnel(fleet)}


def _gateways(fleet: Fleet) -> list[Manifest | Sourced[Manifest]]:
    mesh = fleet.inventory.mesh
    found = gateway_pods(mesh)
    none = Sourced({"name": USUAL_GATEWAY, "enabled": False}, of_mesh("routing", why="istiod deploys gateways itself"))
    return [_gateway(pods) for pods in found] or [none]


def _gateway(pods: GatewayPods) -> Manifest:
    component: Manifest = {
        "name": pods.name,
        "namespace": pods.namespace,
        "enabled": Sourced(True, Origin("what comes from outside enters there")),
        "label": pods.all_labels,
        "k8s": {"affinity": apart(pods.name.value)},
    }
    if pods.service_account.value != f"{pods.name.value}{ACCOUNT_SUFFIX}":
        component["k8s"]["overlays"] = _with_account(pods)
    return component


def _with_account(pods: GatewayPods) -> list[Manifest]:
    """The chart calls the account after the gateway, always; here it is called otherwise where it is made, where the
    pods get it, and where it gets the right to read the gateway's certificates.
    """
    account, name = pods.service_account, pods.name.value
    places = (
        ("v1", "ServiceAccount", f"{name}{ACCOUNT_SUFFIX}", "metadata.name"),
        ("apps/v1", "Deployment", name, "spec.template.spec.serviceAccountName"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding", f"{name}-sds", "subjects.[0].name"),
    )
    where = Origin("where Istio's chart names the service account", account.origin.path)
    return [
        {
            "apiVersion": Sourced(version, where),
            "kind": Sourced(kind, where),
            "name": Sourced(given, where),
            "patches": [{"path": Sourced(path, where), "value": account}],
        }
        for version, kind, given, path in places
    ]
