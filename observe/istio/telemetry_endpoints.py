"""Telemetry for a service: the label that says which declared operation a request was.

Istio's metrics know services, not operations, and a raw path as a label would be a series for every order number.
Here the callee's proxy compares each request with the declared operations, and all the rest is `other`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.istio.endpoint_expression import MOST_OPERATIONS, endpoint_expression
from observe.istio.metadata import Manifest, manifest
from observe.istio.tracing import API_VERSION, KIND
from observe.provenance import Origin, Sourced, declared
from observe.telemetry import ENDPOINT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from observe.model import Inventory, Service

CALLEE: Final = Origin("the callee's proxy: its report is there for every caller, with a proxy or without")
COUNT: Final = Origin("the count alone: a histogram would cost some twenty series for each operation")


def endpoint_telemetry(inventory: Inventory, service: Service) -> Manifest | None:
    """The Telemetry of a service's proxies; None without declared operations, and where no proxy sees requests.

    It names no provider, so the mesh's own ones hold. One for all services that stand for the same pods: of several
    that select a pod, the values of the youngest would win (IST0159).
    """
    mesh = inventory.mesh
    if not service.in_mesh or (mesh.data_plane == "ambient" and not mesh.has_waypoint(service.namespace)):
        return None
    services = (
        (service,)
        if mesh.data_plane == "ambient"
        else inventory.by_pods[service.namespace, frozenset(service.selector.items())]
    )
    speaking = [one for one in services if one.endpoints and one.request_ports]
    if services[0].id != service.id or not speaking:
        return None
    spec = {**_whose(inventory, service), "metrics": [{"overrides": [_override(inventory, speaking)]}]}
    return manifest(mesh, API_VERSION, KIND, service.namespace, service.name, spec)


def _whose(inventory: Inventory, service: Service) -> Manifest:
    """Waypoints pay no attention to selectors."""
    if inventory.mesh.data_plane == "ambient":
        target = {"group": "", "kind": "Service", "name": service.name}
        return {"targetRefs": [Sourced(target, declared(inventory, service, why="its requests at the waypoint"))]}
    labels = Sourced(dict(service.selector), declared(inventory, service, "labels"))
    return {"selector": {"matchLabels": labels}}


def _override(inventory: Inventory, services: Sequence[Service]) -> Manifest:
    endpoints = [endpoint for service in services for endpoint in service.endpoints]
    told = min(len(endpoints), MOST_OPERATIONS)
    some = f"the first {told} of " if told < len(endpoints) else ""
    why = f"{some}{len(endpoints)} operations, so {told + 2} values at most: them, other and unknown"
    origin = declared(inventory, services[0], "endpoints", why=why)
    return {
        "match": {"metric": Sourced("REQUEST_COUNT", COUNT), "mode": Sourced("SERVER", CALLEE)},
        "tagOverrides": {ENDPOINT: Sourced({"operation": "UPSERT", "value": endpoint_expression(endpoints)}, origin)},
    }
