"""What istiod makes of the Telemetry that names operations: it reaches the callees' listeners, and no others."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from observe.clients.kube_resource import Resource
from observe.istio.gateways.waypoint import waypoint
from observe.istio.telemetry.endpoint_expression import endpoint_expression
from observe.istio.telemetry.telemetry_endpoints import endpoint_telemetry
from observe.model import Endpoint, Service
from observe.naming import WAYPOINT
from observe.provenance import plain
from observe.telemetry import ENDPOINT
from tests.samples import GRPC, a_mesh, a_service, an_inventory
from tests.servers.fixtures import require, require_kubernetes
from tests.servers.istiod import Istiod
from tests.servers.kubernetes_api import KubernetesApi
from tests.servers.processes import accepted
from tests.servers.xds import Proxy, ask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GET = Endpoint(method="GET", path="/orders/{id}")
POST = Endpoint(method="POST", path="/orders")
METHOD = Endpoint(grpc="shop.orders.v1.Orders/Get")
POD = "waypoint-1"


@pytest.fixture(scope="module")
def measuring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Istiod]:
    """An istiod with Istio's metrics on, which stock Envoy would refuse: here nobody but the test asks."""
    require("istio")
    require_kubernetes()
    metrics, folder = {"defaultProviders": {"metrics": ["prometheus"]}}, tmp_path_factory.mktemp("istiod")
    with (
        KubernetesApi(tmp_path_factory.mktemp("kubernetes")) as api,
        Istiod(folder, api, mesh_config=metrics, env={"PILOT_ENABLE_AMBIENT": "true"}) as istiod,
    ):
        yield istiod


def cluster_object(
    api_version: str, kind: str, namespace: str, name: str, labels: Mapping[str, str] = {}, **content: Any
) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def kubernetes_service(service: Service) -> dict[str, Any]:
    ports = [{"name": port.name, "port": port.number, "targetPort": port.container_port} for port in service.ports]
    spec = {"selector": dict(service.selector), "ports": ports}
    return cluster_object("v1", "Service", service.namespace, service.name, spec=spec)


def apply(api: KubernetesApi, manifest: dict[str, Any]) -> None:
    metadata = manifest["metadata"]
    path = Resource(manifest["apiVersion"], manifest["kind"]).path(metadata["namespace"], metadata["name"])
    accepted(api.apply(path, manifest, params={"fieldValidation": "Strict"}))


def metrics_filters(listener: dict[str, Any]) -> Iterator[bytes]:
    """The configuration of Istio's metrics wherever it stands in a listener."""
    waiting: list[Any] = [listener]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            if found.get("name") == "istio.stats":
                raw: dict[str, str] = found["typed_config"]["value"]
                assert raw["@type"] == "type.googleapis.com/stats.PluginConfig"
                yield base64.b64decode(raw["raw"])
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found


def test_istiod_hands_the_expression_to_the_callees_listener_alone(measuring: Istiod) -> None:
    api, service = measuring.api, a_service("orders", namespace="orders", endpoints=(GET, POST))
    api.create_namespace("orders")
    inventory = an_inventory(service)
    for manifest in (kubernetes_service(service), plain(endpoint_telemetry(inventory, service))):
        apply(api, manifest)
    measuring.restart()
    listeners = ask(measuring, Proxy("orders", "orders-1", labels=service.selector)).listeners
    wanted = endpoint_expression((GET, POST)).encode()
    arriving = list(metrics_filters(listeners["virtualInbound"]))
    assert arriving
    assert all(wanted in config and b"requests_total" in config for config in arriving)
    leaving = [config for name, one in listeners.items() if name != "virtualInbound" for config in metrics_filters(one)]
    assert leaving
    assert not any(ENDPOINT.encode() in config for config in leaving)


def test_istiod_hands_each_services_expression_to_the_waypoint(measuring: Istiod) -> None:
    services = [
        a_service("baskets", namespace="baskets", endpoints=(GET,)),
        a_service("fruit", namespace="baskets", ports=(GRPC,), endpoints=(METHOD,)),
        a_service("vouchers", namespace="baskets"),
    ]
    proxy = a_waypoint(measuring.api, "baskets")
    inventory = an_inventory(*services, mesh=a_mesh(data_plane="ambient", waypoints=True))
    for manifest in (waypoint(inventory, "baskets"), *(endpoint_telemetry(inventory, one) for one in services[:2])):
        apply(measuring.api, plain(manifest))
    for service in services:
        apply(measuring.api, kubernetes_service(service))
    measuring.restart()
    configs = [config for one in ask(measuring, proxy).listeners.values() for config in metrics_filters(one)]
    named = {config for config in configs if ENDPOINT.encode() in config}
    assert len(named) == 2
    for endpoint in (GET, METHOD):
        wanted = endpoint_expression((endpoint,)).encode()
        assert [config for config in named if wanted in config]
    assert len(configs) > len(named)


def a_waypoint(api: KubernetesApi, namespace: str) -> Proxy:
    """What istiod and the cluster's controllers would make for a waypoint: its Service and a pod behind that."""
    labels, address = {"gateway.networking.k8s.io/gateway-name": WAYPOINT}, "10.0.9.9"
    enrolled = {"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": WAYPOINT}
    metadata = {"name": namespace, "labels": enrolled}
    accepted(
        api.apply(f"/api/v1/namespaces/{namespace}", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    )
    ports = [{"name": "mesh", "port": 15008}]
    spec = {"selector": labels, "ports": [{**ports[0], "appProtocol": "all"}]}
    target = {"kind": "Pod", "name": POD, "namespace": namespace}
    endpoints = {"addressType": "IPv4", "endpoints": [{"addresses": [address], "targetRef": target}], "ports": ports}
    of_service = {"kubernetes.io/service-name": WAYPOINT}
    made = [
        cluster_object("v1", "Service", namespace, WAYPOINT, spec=spec),
        cluster_object("v1", "Pod", namespace, POD, labels, spec={"containers": [{"name": "c", "image": "c:1"}]}),
        cluster_object("discovery.k8s.io/v1", "EndpointSlice", namespace, POD, of_service, **endpoints),
    ]
    for manifest in made:
        apply(api, manifest)
    status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
    merge = {"Content-Type": "application/merge-patch+json"}
    path = f"/api/v1/namespaces/{namespace}/pods/{POD}/status"
    accepted(api.request("PATCH", path, headers=merge, json={"status": status}))
    return Proxy(namespace, POD, labels, WAYPOINT, address, kind="waypoint")
