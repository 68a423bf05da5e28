"""Values of Istio's charts that concern the mesh and istiod. `istioctl` takes all values in one, Helm a file for each
chart.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.istio.install import containers, sizing
from observe.istio.install.data_plane import waypoint
from observe.istio.install.scaling import apart, bounds, declared_or
from observe.model.quantity import format_cpu, format_memory
from observe.provenance import Origin, Sourced, of_mesh

if TYPE_CHECKING:
    from observe.istio.install.sizing import Fleet
    from observe.istio.metadata import Manifest
    from observe.model import Inventory, Mesh

COARSE: Final = 256
"""MiB: what istiod is sized in."""


def global_values(fleet: Fleet) -> Manifest:
    """What several charts read: where Istio is, which mesh and cluster it is, and what proxies ask for."""
    mesh = fleet.inventory.mesh
    values: Manifest = {
        "istioNamespace": Sourced(mesh.root_namespace, of_mesh("root_namespace")),
        **_mesh_id(mesh),
        **place(mesh),
        "proxy": {
            "clusterDomain": Sourced(mesh.cluster_domain, of_mesh("cluster_domain")),
            "resources": containers.Sidecars(fleet).usual.resources,
        },
    }
    if mesh.data_plane == "ambient":
        values["waypoint"] = {"resources": waypoint(fleet)}
    return values


def _mesh_id(mesh: Mesh) -> Manifest:
    if not place(mesh):
        return {}
    why = "all clusters of a mesh share it, as they must share its id; Istio's own choice as well"
    return {"meshID": Sourced(mesh.trust_domain, of_mesh("trust_domain", why=why))}


def place(mesh: Mesh) -> Manifest:
    """Which cluster and network of the mesh it is; empty for a mesh of one."""
    installation = mesh.installation
    values: Manifest = {}
    if installation.cluster:
        values["multiCluster"] = {"clusterName": Sourced(installation.cluster, of_mesh("installation", "cluster"))}
    if installation.network:
        values["network"] = Sourced(installation.network, of_mesh("installation", "network"))
    return values


def istiod(fleet: Fleet) -> Manifest:
    """Several istiods: while there is none, new pods get no certificate, and no change reaches a proxy."""
    load = Origin(f"{fleet.services} services, {fleet.pods} proxies; Istio's figure: 1.5 GB for 1,000 and 2,000")
    replicas = declared_or(fleet.inventory.mesh, "control_plane_replicas", sizing.istiod_replicas(fleet), load)
    mebibytes = sizing.istiod_memory(fleet)
    requests = {"cpu": format_cpu(sizing.istiod_cpu(fleet)), "memory": format_memory(mebibytes, COARSE)}
    leak = Origin("twice what it asks for: a leak ends one istiod, and no other pod of the node")
    limit = Sourced(format_memory(containers.HEADROOM * mebibytes, COARSE), leak)
    return {
        **bounds("autoscaleMin", "autoscaleMax", replicas),
        "resources": {"requests": Sourced(requests, load), "limits": {"memory": limit}},
        "affinity": apart("istiod"),
        **_cni(fleet.inventory.mesh),
    }


def _cni(mesh: Mesh) -> Manifest:
    """Whether the injector counts on the node agent, which an ambient mesh has; istioctl finds out by itself."""
    there = Origin("an ambient mesh has the node agent, so injected pods need no right to change their network")
    return {"cni": {"enabled": Sourced(True, there)}} if mesh.data_plane == "ambient" else {}


def injector(inventory: Inventory) -> Manifest:
    """Buckets at the latency objectives' limits, without which quantiles near them are guesses, on injected pods."""
    limits = telemetry.bucket_limits(objective_limits(inventory))
    if limits == telemetry.BUCKETS or not telemetry.buckets_at_objectives(inventory.mesh):
        return {}
    buckets = json.dumps({telemetry.BUCKETS_PREFIX: limits})
    origin = Origin("Istio's limits, and those of the latency objectives: a quantile is exact there")
    return {"sidecarInjectorWebhook": {"injectedAnnotations": {telemetry.BUCKETS_ANNOTATION: Sourced(buckets, origin)}}}


def objective_limits(inventory: Inventory) -> set[int]:
    """The latencies, in milliseconds, that some service is held to."""
    return {service.objectives.latency.limit for service in inventory.services if service.request_ports}
