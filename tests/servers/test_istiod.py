"""istiod judges what is written, tells proxies what follows from it, and leaves nothing behind that judges."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import grpc
import pytest
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.service.discovery.v3.discovery_pb2 import DiscoveryRequest, DiscoveryResponse
from google.protobuf.any_pb2 import Any as AnyMessage

from observe.clients.kube_resource import Resource
from tests.servers.fixtures import require, require_kubernetes
from tests.servers.istiod import WEBHOOK_PATH, Istiod
from tests.servers.kubernetes_api import KubernetesApi
from tests.servers.processes import LOOPBACK, ServerError, accepted
from tests.servers.protobuf_json import plain
from tests.servers.test_servers import children, listening_addresses
from tests.servers.xds import Proxy, Snapshot, ask, ask_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import requests


def apply(api: KubernetesApi, namespace: str, kind: str, name: str, spec: dict[str, Any]) -> requests.Response:
    """Server-side apply of a Service, or of an object of Istio's networking API."""
    resource = Resource("v1" if kind == "Service" else "networking.istio.io/v1", kind)
    metadata = {"name": name, "namespace": namespace}
    manifest = {"apiVersion": resource.api_version, "kind": kind, "metadata": metadata, "spec": spec}
    return api.apply(resource.path(namespace, name), manifest)


def service(api: KubernetesApi, namespace: str, name: str) -> str:
    """A Service on port 80 for workloads labelled `app`; its host."""
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    accepted(apply(api, namespace, "Service", name, {"selector": {"app": name}, "ports": ports}))
    return f"{name}.{namespace}.svc.cluster.local"


def cluster(host: str) -> str:
    return f"outbound|80||{host}"


WEB = {"destination": {"host": "web"}}
REFUSED = {
    "weight -5 < 0": {"route": [{**WEB, "weight": -5}, WEB]},
    "missing closing )": {"route": [WEB], "match": [{"uri": {"regex": "a(b"}}]},
}
"""Routes of a VirtualService that its CRD lets through, by istiod's reason against them."""


@pytest.mark.parametrize(("reason", "route"), REFUSED.items())
def test_istiod_refuses_what_the_crd_lets_through(
    istiod: Istiod, mesh_namespace: str, reason: str, route: dict[str, Any]
) -> None:
    refused = apply(istiod.api, mesh_namespace, "VirtualService", "web", {"hosts": ["web"], "http": [route]})
    assert refused.status_code == 400
    assert "denied the request" in refused.json()["message"]
    assert reason in refused.json()["message"]


def test_istiod_listens_on_loopback_only(istiod: Istiod) -> None:
    addresses = {address for pid in children() for address in listening_addresses(pid)}
    assert addresses == {"0100007F"}
    assert istiod.root_certificate().startswith("-----BEGIN CERTIFICATE-----")


def test_a_sidecar_gets_the_limits_of_a_destination_rule(istiod: Istiod, mesh_namespace: str) -> None:
    host = service(istiod.api, mesh_namespace, "web")
    http = {"http1MaxPendingRequests": 12, "http2MaxRequests": 13, "maxRetries": 14}
    policy = {
        "connectionPool": {"tcp": {"maxConnections": 11}, "http": http},
        "outlierDetection": {"consecutive5xxErrors": 15, "interval": "16s"},
    }
    rule = {"host": host, "trafficPolicy": policy}
    accepted(apply(istiod.api, mesh_namespace, "DestinationRule", "web", rule))
    proxy = Proxy(mesh_namespace, "client")
    snapshot = ask_until(
        istiod, proxy, lambda now: "outlier_detection" in now.clusters.get(cluster(host), {}), "the DestinationRule"
    )
    (threshold,) = snapshot.clusters[cluster(host)]["circuit_breakers"]["thresholds"]
    assert (threshold["max_connections"], threshold["max_pending_requests"]) == (11, 12)
    assert (threshold["max_requests"], threshold["max_retries"]) == (13, 14)
    detection = snapshot.clusters[cluster(host)]["outlier_detection"]
    assert (detection["consecutive_5xx"], detection["interval"]) == (15, "16s")


def test_a_sidecar_gets_the_timeout_of_a_virtual_service(istiod: Istiod, mesh_namespace: str) -> None:
    host = service(istiod.api, mesh_namespace, "web")
    route = {"route": [{"destination": {"host": host}}], "timeout": "1.7s"}
    accepted(apply(istiod.api, mesh_namespace, "VirtualService", "web", {"hosts": [host], "http": [route]}))

    def timeouts(snapshot: Snapshot) -> list[str]:
        hosts = snapshot.routes["80"]["virtual_hosts"] if "80" in snapshot.routes else []
        routes = [route for found in hosts if host in found["domains"] for route in found["routes"]]
        return [route["route"]["timeout"] for route in routes]

    ask_until(istiod, Proxy(mesh_namespace, "client"), lambda now: timeouts(now) == ["1.700s"], "the timeout")


def test_a_sidecar_gets_the_endpoints_of_a_service_and_its_own_inbound_listener(
    istiod: Istiod, mesh_namespace: str
) -> None:
    host = service(istiod.api, mesh_namespace, "web")
    workload = {"address": "192.0.2.11", "labels": {"app": "web"}, "ports": {"http": 8011}}
    accepted(apply(istiod.api, mesh_namespace, "WorkloadEntry", "web", workload))
    client = Proxy(mesh_namespace, "client")
    snapshot = ask_until(istiod, client, lambda now: "endpoints" in now.endpoints.get(cluster(host), {}), "an endpoint")
    (locality,) = snapshot.endpoints[cluster(host)]["endpoints"]
    (endpoint,) = locality["lb_endpoints"]
    address = endpoint["endpoint"]["address"]["socket_address"]
    assert (address["address"], address["port_value"]) == ("192.0.2.11", 8011)
    server = ask(istiod, Proxy(mesh_namespace, "web", {"app": "web"}, ip="192.0.2.11"))
    assert "inbound|8011||" in server.clusters
    assert "inbound|8011||" not in snapshot.clusters


def test_two_proxies_differ_by_the_sidecar_of_one(istiod: Istiod, mesh_namespace: str) -> None:
    """What a restarted istiod gives follows from everything written before, so absence can be asserted."""
    web, database = (service(istiod.api, mesh_namespace, name) for name in ("web", "database"))
    narrow = {"workloadSelector": {"labels": {"app": "narrow"}}, "egress": [{"hosts": [f"./{web}"]}]}
    accepted(apply(istiod.api, mesh_namespace, "Sidecar", "narrow", narrow))
    istiod.restart()
    with_sidecar = ask(istiod, Proxy(mesh_namespace, "narrow", {"app": "narrow"}))
    without = ask(istiod, Proxy(mesh_namespace, "wide", {"app": "wide"}))
    assert {cluster(web), cluster(database)} <= without.clusters.keys()
    assert cluster(web) in with_sidecar.clusters
    assert cluster(database) not in with_sidecar.clusters
    assert with_sidecar.size["clusters"] < without.size["clusters"]


def test_a_router_gets_the_listener_of_its_gateway(istiod: Istiod, mesh_namespace: str) -> None:
    host = service(istiod.api, mesh_namespace, "web")
    server = {"port": {"number": 8012, "name": "http", "protocol": "HTTP"}, "hosts": ["shop.example.com"]}
    gateway = {"selector": {"gateway": mesh_namespace}, "servers": [server]}
    accepted(apply(istiod.api, mesh_namespace, "Gateway", "shop", gateway))
    route = {"route": [{"destination": {"host": host}}]}
    public = {"hosts": ["shop.example.com"], "gateways": ["shop"], "http": [route]}
    accepted(apply(istiod.api, mesh_namespace, "VirtualService", "shop", public))
    router = Proxy(mesh_namespace, "gateway", {"gateway": mesh_namespace}, kind="router")
    snapshot = ask_until(istiod, router, lambda now: bool(now.routes), "the Gateway")
    assert list(snapshot.listeners) == ["0.0.0.0_8012"]
    ((found,),) = (routes["virtual_hosts"] for routes in snapshot.routes.values())
    assert found["domains"] == ["shop.example.com"]
    assert found["routes"][0]["route"]["cluster"] == cluster(host)


def test_the_size_of_a_response_is_that_of_its_resources_and_little_more(istiod: Istiod, mesh_namespace: str) -> None:
    """More by an envelope around each resource, with the URL of its type, and one around them all."""
    snapshot = ask(istiod, Proxy(mesh_namespace, "client"))
    for kind, response in snapshot.responses.items():
        resources = [resource.ByteSize() for resource in response.resources]
        assert sum(resources) < snapshot.size[kind] < sum(resources) + 100 * len(resources) + 1000, kind


def test_istiod_gives_its_reason_for_giving_nothing(istiod: Istiod, mesh_namespace: str) -> None:
    with pytest.raises(ServerError, match="INVALID_ARGUMENT: invalid node type"):
        ask(istiod, Proxy(mesh_namespace, "client", kind="car"))
    with pytest.raises(ServerError, match=r"impossible, for client\.test-.*: not within 0\.1 s"):
        ask_until(istiod, Proxy(mesh_namespace, "client"), lambda _: False, "impossible", limit=0.1)


@pytest.fixture
def pushing() -> Iterator[Istiod]:
    """A server of one cluster that gives listeners of a newer version, once; after that, all of the newer one."""
    seen: list[str] = []

    def answer(raw: bytes) -> DiscoveryResponse:
        url = DiscoveryRequest.FromString(raw).type_url
        seen.append(url)
        version = "old" if len(seen) == 1 else "new"
        return DiscoveryResponse(type_url=url, version_info=version)

    def stream(requests: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[DiscoveryResponse]:
        yield from map(answer, requests)

    handler = grpc.stream_stream_rpc_method_handler(stream, response_serializer=DiscoveryResponse.SerializeToString)
    name = "envoy.service.discovery.v3.AggregatedDiscoveryService"
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(name, {"StreamAggregatedResources": handler})]
    )
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    server.start()
    yield cast(Istiod, SimpleNamespace(grpc=port))
    server.stop(None).wait()


def test_a_snapshot_is_of_one_push(pushing: Istiod) -> None:
    """Clusters of one version and listeners of the next do not belong together: it is asked again."""
    snapshot = ask(pushing, Proxy("shop", "client"))
    versions = {kind: response.version for kind, response in snapshot.responses.items()}
    assert versions == {"clusters": "new", "endpoints": "", "listeners": "new", "routes": ""}


def test_a_type_that_nobody_knows_is_kept_as_it_came() -> None:
    """Also deep inside: a filter of Istio's own stands in the Any that is the connection manager."""
    unknown = AnyMessage(type_url="type.googleapis.com/stats.PluginConfig", value=b"\x0a\x03web")
    manager = HttpConnectionManager(stat_prefix="inbound")
    manager.http_filters.add(name="stats").typed_config.CopyFrom(unknown)
    listener = Listener(name="inbound")
    listener.filter_chains.add().filters.add(name="http").typed_config.Pack(manager)
    ((network_filter,),) = (chain["filters"] for chain in plain(listener)["filter_chains"])
    found = network_filter["typed_config"]
    raw = base64.b64encode(unknown.value).decode()
    assert found["stat_prefix"] == "inbound"
    assert found["http_filters"][0]["typed_config"]["value"] == {"@type": unknown.type_url, "raw": raw}


def test_one_istiod_follows_another_and_the_last_leaves_no_webhook(tmp_path: Path) -> None:
    require("istio")
    require_kubernetes()
    with KubernetesApi(tmp_path / "kubernetes") as api:

        def statuses() -> list[int]:
            specs = [{"hosts": ["web"], "http": [route]} for route in REFUSED.values()]
            return [apply(api, "default", "VirtualService", "web", spec).status_code for spec in specs]

        for _ in range(2):
            with Istiod(tmp_path / "istiod", api):
                assert statuses() == [400, 400]
        assert api.request("GET", WEBHOOK_PATH).status_code == 404
        assert statuses() == [201, 200]
