"""What gateways, waypoints and ztunnels ask for, and how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.istio.install import containers, sizing
from observe.istio.install.scaling import bounds, declared_or
from observe.model.quantity import format_memory
from observe.provenance import Origin, Sourced

if TYPE_CHECKING:
    from observe.istio.install.sizing import Fleet
    from observe.istio.metadata import Manifest

GATEWAY_DEFAULTS_SINCE: Final = 26
"""Istio minor version that first took defaults for the gateways that istiod deploys (release note
`gateway-customization.yaml`)."""
COARSE: Final = 256
"""MiB: what ztunnels are sized in."""


def gateway_replicas(fleet: Fleet) -> Sourced[int]:
    """The fewest pods of a gateway."""
    peak = fleet.peak_from_outside
    why = f"one may be lost; {peak} requests per second come from outside" if peak else "one may be lost"
    return declared_or(fleet.inventory.mesh, "gateway_replicas", sizing.gateway_replicas(fleet), Origin(why))


def gateway(fleet: Fleet) -> Manifest:
    """The resources of a gateway's pod."""
    why = f"{fleet.whole.clusters} clusters, {fleet.whole.endpoints} endpoints: gateways are told of every service"
    return containers.worked_out(sizing.GATEWAY_CPU, sizing.gateway_memory(fleet), Origin(why)).resources


def waypoint(fleet: Fleet) -> Manifest:
    """The resources of a waypoint's pod."""
    why = "half of the busiest namespace's requests, and the whole mesh's configuration"
    return containers.worked_out(sizing.waypoint_cpu(fleet), sizing.waypoint_memory(fleet), Origin(why)).resources


def ztunnel(fleet: Fleet) -> Manifest:
    """The resources of a node's ztunnel. Istio's chart says that its default does for about 200,000 pods."""
    memory = Sourced(format_memory(sizing.ztunnel_memory(fleet), COARSE), Origin(f"{fleet.pods} pods in the mesh"))
    return {"requests": {"cpu": Sourced("200m", Origin("Istio's default")), "memory": memory}}


def gateway_classes(fleet: Fleet) -> Manifest:
    """Defaults for the gateways and waypoints that istiod deploys. Unasked it makes one pod for each."""
    mesh = fleet.inventory.mesh
    if mesh.istio_minor < GATEWAY_DEFAULTS_SINCE:
        return {}
    classes: Manifest = {}
    if mesh.routing == "gateway-api":
        classes["istio"] = {"deployment": _deployment(gateway(fleet)), **_available(gateway_replicas(fleet))}
    if mesh.data_plane == "ambient":
        classes["istio-waypoint"] = _available(Sourced(2, Origin("one may be lost: all requests pass through it")))
    return {"gatewayClasses": classes} if classes else {}


def _available(least: Sourced[int]) -> Manifest:
    """An autoscaler and a budget for disruptions, as the charts make them for what they deploy."""
    as_charts = Origin("as in Istio's charts")
    busy = {"type": "Utilization", "averageUtilization": round(100 * sizing.BUSY)}
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": busy}}]
    scaling = {**bounds("minReplicas", "maxReplicas", least), "metrics": Sourced(metrics, as_charts)}
    return {
        "horizontalPodAutoscaler": {"spec": scaling},
        "podDisruptionBudget": {"spec": {"minAvailable": Sourced(1, as_charts)}},
    }


def _deployment(resources: Manifest) -> Manifest:
    name = Sourced("istio-proxy", Origin("the container in Istio's template"))
    return {"spec": {"template": {"spec": {"containers": [{"name": name, "resources": resources}]}}}}
