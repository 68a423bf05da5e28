"""Telemetry for a service: the label that says which declared operation a request was.

Istio's metrics know services, not operations, and a raw path as a label would be a series for every order number.
Here the callee's proxy compares each request with the declared operations, and all the rest is `other`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.istio.metadata import Manifest, manifest
from observe.istio.telemetry.endpoint_expression import MOST_OPERATIONS, endpoint_expression
from observe.istio.telemetry.tracing import API_VERSION, KIND
from observe.provenance import Origin, Sourced, declared
from observe.telemetry import ENDPOINT

if TYPE_CHECKING:
    from observe.model import Endpoint, Inventory, Service

CALLEE: Final = Origin("the callee's proxy: its report is there for every caller, with a proxy or without")
COUNT: Final = Origin("the count alone: a histogram would cost some twenty series for each operation")


def endpoint_telemetry(inventory: Inventory, service: Service) -> Manifest | None:
    """The Telemetry of a service's proxies; None without declared operations, and where no proxy sees requests.

    It names no provider, so the mesh's own ones hold. One for all services that stand for the same pods: of several
    that select a pod, the values of the youngest would win (IST0159).
    """
    operations = named_operations(inventory, service)
    if not operations or _measured_together(inventory, service)[0].id != service.id:
        return None
    spec = {**_whose(inventory, service), "metrics": [{"overrides": [_override(inventory, service, operations)]}]}
    return manifest(inventory.mesh, API_VERSION, KIND, service.namespace, service.name, spec)


def named_operations(inventory: Inventory, service: Service) -> tuple[Endpoint, ...]:
    """The operations that the proxy in front of a service's pods is to tell apart, in the order of declaration. Of so
    many that there are more than MOST_OPERATIONS, it does so with the first ones.
    """
    mesh = inventory.mesh
    if not service.in_mesh or (mesh.data_plane == "ambient" and not mesh.has_waypoint(service.namespace)):
        return ()
    asked = (one for one in _measured_together(inventory, service) if one.request_ports)
    found: dict[str, Endpoint] = {}
    for endpoint in (endpoint for one in asked for endpoint in one.endpoints):
        found.setdefault(endpoint.title, endpoint)
    return tuple(found.values())


def _measured_together(inventory: Inventory, service: Service) -> tuple[Service, ...]:
    """A waypoint knows services, a sidecar the pods that it belongs to."""
    if inventory.mesh.data_plane == "ambient":
        return (service,)
    return inventory.with_pods_of(service)


def _whose(inventory: Inventory, service: Service) -> Manifest:
    """Waypoints pay no attention to selectors."""
    if inventory.mesh.data_plane == "ambient":
        target = {"group": "", "kind": "Service", "name": service.name}
        return {"targetRefs": [Sourced(target, declared(inventory, service, why="its requests at the waypoint"))]}
    labels = Sourced(dict(service.selector), declared(inventory, service, "labels"))
    return {"selector": {"matchLabels": labels}}


def _override(inventory: Inventory, service: Service, operations: tuple[Endpoint, ...]) -> Manifest:
    told = min(len(operations), MOST_OPERATIONS)
    some = f"the first {told} of " if told < len(operations) else ""
    why = f"{some}{len(operations)} operations, so {told + 2} values at most: them, other and unknown"
    origin = declared(inventory, service, "endpoints", why=why)
    return {
        "match": {"metric": Sourced("REQUEST_COUNT", COUNT), "mode": Sourced("SERVER", CALLEE)},
        "tagOverrides": {ENDPOINT: Sourced({"operation": "UPSERT", "value": endpoint_expression(operations)}, origin)},
    }
