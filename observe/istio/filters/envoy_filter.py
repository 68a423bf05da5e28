"""EnvoyFilter: what Istio's own resources cannot say, put into a proxy's HTTP filters.

Istio has no resource for local or global rate limits (`TrafficExtension` runs Wasm and Lua, `XBackendTrafficPolicy`
has retry budgets), and its faults belong to a VirtualService, of which a host has one. Each of these EnvoyFilters
says its priority: without one, istiod orders relative operations by the time of creation, and `istioctl analyze`
warns (IST0151).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.istio.metadata import Manifest, manifest
from observe.naming import ANNOTATION_EXPIRES
from observe.provenance import Origin, Sourced, declared

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from observe.model import Inventory, Mesh, Port, Service

KIND: Final = "EnvoyFilter"
API_VERSION: Final = "networking.istio.io/v1alpha3"
"""There is no newer one."""

LOCAL_RATE_LIMIT_PRIORITY: Final = 10
FAULT_PRIORITY: Final = 20
GLOBAL_RATE_LIMIT_PRIORITY: Final = 10

CONNECTION_MANAGER: Final = "envoy.filters.network.http_connection_manager"
ROUTER: Final = "envoy.filters.http.router"
BEFORE_ROUTER: Final = Origin("before the router, which ends the chain: what authorization refuses never gets here")
OWN_PODS: Final = "only the service's own pods"


def envoy_filter(
    mesh: Mesh,
    namespace: str,
    name: str,
    selector: Sourced[dict[str, str]],
    priority: Sourced[int],
    patches: Iterable[Manifest],
    expires: Sourced[str] | None = None,
) -> Manifest:
    """An EnvoyFilter for the pods that the labels select, with the day on which it expires."""
    spec: Manifest = {"workloadSelector": {"labels": selector}, "priority": priority, "configPatches": list(patches)}
    annotations = {ANNOTATION_EXPIRES: expires} if expires else None
    return manifest(mesh, API_VERSION, KIND, namespace, name, spec, annotations)


def takes_filters(inventory: Inventory, service: Service) -> bool:
    """Whether a service has sidecars with filters for requests, which alone these EnvoyFilters reach (else OBS139)."""
    return service.in_mesh and inventory.mesh.data_plane == "sidecar" and bool(service.request_ports)


def own_pods(inventory: Inventory, service: Service) -> Sourced[dict[str, str]]:
    """The labels of a service's pods."""
    return Sourced(dict(service.selector), declared(inventory, service, "labels", why=OWN_PODS))


def on_arrival(inventory: Inventory, service: Service, port: Port) -> Manifest:
    """Where requests arrive at a port: the filter chains of the container's port, whichever way they come in.

    A number of a virtual listener is compared with its filter chains' destination port (istio `listener_patch.go`).
    """
    place = declared(inventory, service, "ports", service.ports.index(port), why="a port with requests")
    return _place("SIDECAR_INBOUND", {"portNumber": Sourced(port.container_port, place)}, {})


def at_gateway(host: Sourced[str]) -> Manifest:
    """Where a gateway takes requests for a host: the filter chain with that name in the TLS handshake. The port
    would not do: it is the container's, which the installation chooses.
    """
    return _place("GATEWAY", {}, {"sni": host})


def _place(context: str, listener: Manifest, chain: Manifest) -> Manifest:
    router = {"name": CONNECTION_MANAGER, "subFilter": {"name": ROUTER}}
    filters = {**chain, "filter": Sourced(router, BEFORE_ROUTER)}
    return {"context": Sourced(context, BEFORE_ROUTER), "listener": {**listener, "filterChain": filters}}


def insert(place: Manifest, name: Sourced[str], message: str, config: Mapping[str, object], origin: Origin) -> Manifest:
    """The patch that puts an HTTP filter there. Every value of the filter without an origin has this one."""
    typed = {"@type": f"type.googleapis.com/{message}", **config}
    value = Sourced({"name": name, "typed_config": typed}, origin)
    return {
        "applyTo": Sourced("HTTP_FILTER", BEFORE_ROUTER),
        "match": place,
        "patch": {"operation": Sourced("INSERT_BEFORE", BEFORE_ROUTER), "value": value},
    }


def seconds(milliseconds: int) -> str:
    """A duration as Envoy's API writes it in JSON, which knows no other unit than seconds."""
    whole, rest = divmod(milliseconds, 1000)
    return f"{whole}.{rest:03d}s" if rest else f"{whole}s"
