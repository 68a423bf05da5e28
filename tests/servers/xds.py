"""What istiod tells a proxy, asked over xDS as that proxy, without running one."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import grpc
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import Node
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.service.discovery.v3.discovery_pb2 import DiscoveryRequest, DiscoveryResponse

from tests.servers.processes import LOOPBACK, POLL, ServerError
from tests.servers.protobuf_json import plain

if TYPE_CHECKING:
    from tests.servers.istiod import Istiod

METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
KINDS = {"clusters": Cluster, "endpoints": ClusterLoadAssignment, "listeners": Listener, "routes": RouteConfiguration}
"""The discovery services that are asked, by the plural of what they give: CDS, EDS, LDS, RDS."""
CHANNEL = (("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0))
"""No limit of 4 MiB, which a large mesh exceeds; nothing from the environment."""

Resources = Mapping[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy as istiod is told of it; what it gets depends on nothing else about it.

    `name` is that of its Pod. By `ip` istiod finds the services it belongs to, and with them its inbound
    listeners; nothing is sent there, and by default it belongs to none. `kind` is `sidecar`, `router` (of a
    gateway) or `waypoint`, `version` that of its Istio.
    """

    namespace: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    service_account: str = "default"
    ip: str = "192.0.2.1"
    kind: str = "sidecar"
    version: str = "1.31.0"

    def node(self) -> Any:
        domain = f"{self.namespace}.svc.cluster.local"
        node = Node(id=f"{self.kind}~{self.ip}~{self.name}.{self.namespace}~{domain}")
        metadata = {
            "NAMESPACE": self.namespace, "NAME": self.name, "WORKLOAD_NAME": self.name, "LABELS": dict(self.labels),
            "SERVICE_ACCOUNT": self.service_account, "INSTANCE_IPS": self.ip, "CLUSTER_ID": "Kubernetes",
            "MESH_ID": "cluster.local", "ISTIO_VERSION": self.version,
        }  # fmt: skip
        node.metadata.update(metadata)
        return node


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of one discovery service: its resources as messages, and its length in bytes as it was sent."""

    version: str = ""
    resources: tuple[Any, ...] = ()
    size: int = 0


@dataclass(frozen=True)
class Snapshot:
    """All that a proxy gets, of one push of istiod. By name, as JSON with the field names of Envoy's API.

    `routes` are those that listeners name; routes of inbound listeners stand in the listeners. `endpoints` are
    by the name of their cluster, for clusters of type EDS.
    """

    responses: Mapping[str, Response]

    @cached_property
    def clusters(self) -> Resources:
        return {cluster.name: plain(cluster) for cluster in self.responses["clusters"].resources}

    @cached_property
    def endpoints(self) -> Resources:
        return {loads.cluster_name: plain(loads) for loads in self.responses["endpoints"].resources}

    @cached_property
    def listeners(self) -> Resources:
        return {listener.name: plain(listener) for listener in self.responses["listeners"].resources}

    @cached_property
    def routes(self) -> Resources:
        return {routes.name: plain(routes) for routes in self.responses["routes"].resources}

    @property
    def size(self) -> Mapping[str, int]:
        """Bytes of each response; 0 when there was nothing to ask for. A few bytes of it are version and nonce."""
        return {kind: response.size for kind, response in self.responses.items()}


def ask(istiod: Istiod, proxy: Proxy, *, limit: float = 30) -> Snapshot:
    """What istiod has for this proxy now. Raises ServerError when it gives no answer within `limit` seconds.

    A push in the midst of asking would give clusters of one state and routes of another; then it asks again.
    """
    deadline = time.monotonic() + limit
    while True:
        snapshot = _ask_once(istiod.grpc, proxy, deadline - time.monotonic())
        if len({response.version for response in snapshot.responses.values() if response.version}) == 1:
            return snapshot


def ask_until(
    istiod: Istiod, proxy: Proxy, holds: Callable[[Snapshot], bool], what: str, *, limit: float = 30
) -> Snapshot:
    """The first snapshot for which `holds` does: a change reaches proxies some time after it was accepted.

    That something is absent cannot be awaited like this; see `Istiod.restart`.
    Raises ServerError, which names `what`, after `limit` seconds.
    """
    deadline = time.monotonic() + limit
    while not holds(snapshot := ask(istiod, proxy, limit=limit)):
        if time.monotonic() > deadline:
            raise ServerError(f"{what}, for {proxy.name}.{proxy.namespace}: not within {limit:g} s")
        time.sleep(POLL)
    return snapshot


def _ask_once(port: int, proxy: Proxy, limit: float) -> Snapshot:
    with grpc.insecure_channel(f"{LOOPBACK}:{port}", options=CHANNEL) as channel:
        stream = _Stream(channel, proxy, limit)
        try:
            clusters = stream.fetch("clusters")
            endpoints = stream.fetch("endpoints", endpoint_names(clusters.resources))
            listeners = stream.fetch("listeners")
            routes = stream.fetch("routes", route_names(listeners.resources))
        except grpc.RpcError as error:
            raise ServerError(f"xDS as {proxy}: {error.code().name}: {error.details()}") from None
        finally:
            stream.end()
    return Snapshot({"clusters": clusters, "endpoints": endpoints, "listeners": listeners, "routes": routes})


class _Stream:
    """One stream of the aggregated discovery service; the answers come as bytes, to be measured."""

    def __init__(self, channel: Any, proxy: Proxy, limit: float) -> None:
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._node = proxy.node()
        call = channel.stream_stream(METHOD, request_serializer=DiscoveryRequest.SerializeToString)
        self._answers: Iterator[bytes] = call(iter(self._requests.get, None), timeout=max(limit, 0))

    def fetch(self, kind: str, names: tuple[str, ...] | None = None) -> Response:
        """All resources of a kind, or those of `names`; without any name there is nothing to ask for."""
        if names == ():
            return Response()
        url = f"type.googleapis.com/{KINDS[kind].DESCRIPTOR.full_name}"
        self._requests.put(DiscoveryRequest(node=self._node, type_url=url, resource_names=names or ()))
        for raw in self._answers:
            answer = DiscoveryResponse.FromString(raw)
            if answer.type_url == url:
                resources = tuple(KINDS[kind].FromString(resource.value) for resource in answer.resources)
                return Response(answer.version_info, resources, len(raw))
        raise ServerError(f"istiod ended the stream instead of giving {kind}")

    def end(self) -> None:
        self._requests.put(None)


def endpoint_names(clusters: tuple[Any, ...]) -> tuple[str, ...]:
    """What clusters get their endpoints under."""
    found = (cluster for cluster in clusters if cluster.type == Cluster.EDS)
    return tuple(sorted({cluster.eds_cluster_config.service_name or cluster.name for cluster in found}))


def route_names(listeners: tuple[Any, ...]) -> tuple[str, ...]:
    """The route configurations that listeners fetch by name."""
    managers = (manager for listener in listeners for manager in connection_managers(listener))
    return tuple(sorted({manager.rds.route_config_name for manager in managers if manager.HasField("rds")}))


def connection_managers(listener: Any) -> Iterator[Any]:
    for chain in (*listener.filter_chains, listener.default_filter_chain):
        for network_filter in chain.filters:
            manager = HttpConnectionManager()
            if network_filter.typed_config.Unpack(manager):
                yield manager
