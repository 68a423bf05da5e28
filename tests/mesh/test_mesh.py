"""The mesh itself: that what the other tests of this folder rest on is real."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import requests

from tests.mesh.backends import Answer
from tests.mesh.mesh import Mesh, Pod
from tests.mesh.workload import HTTP, Port, Workload
from tests.servers.test_servers import listening_addresses

if TYPE_CHECKING:
    from collections.abc import Iterator

GRPC = Port(number=9000, target=9000, protocol="grpc")
SERVER = Workload("shop", "server", ports=(Port(), GRPC))
PAIR = Workload("shop", "pair", replicas=2)
CLIENT = Workload("edge", "client", ports=())
STRANGER = Workload("edge", "stranger", ports=())
WORKLOADS = (SERVER, PAIR, CLIENT, STRANGER)
METHOD = "/shop.v1.Orders/Get"
RETRIES = "envoy_cluster_upstream_rq_retry"


def manifest(group: str, kind: str, name: str, spec: dict[str, Any], namespace: str = "shop") -> dict[str, Any]:
    return {
        "apiVersion": f"{group}.istio.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


MANIFESTS = (
    manifest("security", "PeerAuthentication", "default", {"mtls": {"mode": "STRICT"}}),
    manifest(
        "security",
        "AuthorizationPolicy",
        "server",
        {
            "selector": {"matchLabels": {"app": "server"}},
            "rules": [{"from": [{"source": {"principals": [CLIENT.principal]}}]}],
        },
    ),
    manifest(
        "networking",
        "VirtualService",
        "server",
        {
            "hosts": [SERVER.host],
            "http": [
                {
                    "match": [{"port": HTTP}],
                    "route": [{"destination": {"host": SERVER.host, "port": {"number": HTTP}}}],
                    "retries": {"attempts": 2, "retryOn": "gateway-error", "backoff": "1ms"},
                },
                {"route": [{"destination": {"host": SERVER.host, "port": {"number": 9000}}}]},
            ],
        },
    ),
    manifest(
        "networking",
        "DestinationRule",
        "pair",
        {"host": PAIR.host, "trafficPolicy": {"loadBalancer": {"simple": "ROUND_ROBIN"}}},
    ),
    manifest(
        "networking",
        "Sidecar",
        "stranger",
        {
            "workloadSelector": {"labels": {"app": "stranger"}},
            "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"},
            "egress": [{"hosts": [f"shop/{SERVER.host}"]}],
        },
        namespace="edge",
    ),
)
MESH_CONFIG = {"defaultConfig": {"proxyStatsMatcher": {"inclusionRegexps": [r"cluster\.outbound.*upstream_rq_retry"]}}}


@pytest.fixture(scope="module")
def running(mesh_servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:  # noqa: ARG001
    with Mesh(tmp_path_factory.mktemp("mesh"), WORKLOADS, MANIFESTS, mesh_config=MESH_CONFIG) as mesh:
        yield mesh


@pytest.fixture
def mesh(running: Mesh) -> Mesh:
    """With the applications as at the start."""
    running.reset()
    return running


def test_the_caller_is_known_to_the_application_by_its_certificate(mesh: Mesh) -> None:
    assert mesh.request("client", "GET", "server", "/orders/1").status_code == 200
    (seen,) = mesh.pod("server").backends[8080].requests
    assert (seen.method, seen.path, seen.peer) == ("GET", "/orders/1", f"spiffe://{CLIENT.principal}")


def test_strict_refuses_plaintext(mesh: Mesh) -> None:
    """The port is open, which tells a refusal from a proxy that does not listen at all."""
    pod = mesh.pod("server")
    socket.create_connection((pod.replica.address, 8080)).close()
    with pytest.raises(requests.ConnectionError):
        pod.plain_request("GET", "/orders/1")
    assert mesh.count("server") == 0


def test_an_account_that_is_not_listed_is_denied(mesh: Mesh) -> None:
    assert mesh.request("stranger", "GET", "server").status_code == 403
    assert mesh.pod("stranger").proxy.call(SERVER.host, METHOD) is grpc.StatusCode.PERMISSION_DENIED
    assert mesh.count("server") == 0


def test_grpc_passes_with_its_statuses(mesh: Mesh) -> None:
    proxy, backend = mesh.pod("client").proxy, mesh.pod("server").backends[9000]
    assert proxy.call(SERVER.host, METHOD) is grpc.StatusCode.OK
    backend.answer = Answer(grpc_status=5)
    assert proxy.call(SERVER.host, METHOD) is grpc.StatusCode.NOT_FOUND
    seen = [(request.method, request.path, request.peer) for request in backend.requests]
    assert seen == [("POST", METHOD, f"spiffe://{CLIENT.principal}")] * 2


def test_replicas_share_the_requests(mesh: Mesh) -> None:
    """Each has a proxy and a backend of its own."""
    assert {mesh.request("client", "GET", "pair").status_code for _ in range(10)} == {200}
    counts = [pod.backend.count() for pod in mesh.pods("pair")]
    assert (sum(counts), min(counts) > 0) == (10, True)


def test_statistics_are_read_as_the_stats_matcher_lets_them_out(mesh: Mesh) -> None:
    proxy, cluster = mesh.pod("client").proxy, f"outbound|{HTTP}||{SERVER.host}"
    before = proxy.stats().value(RETRIES, cluster_name=cluster)
    mesh.answer("server", Answer(status=503))
    assert mesh.request("client", "GET", "server").status_code == 503
    stats = proxy.stats()
    assert (mesh.count("server"), stats.value(RETRIES, cluster_name=cluster)) == (3, before + 2)
    assert stats.select("envoy_cluster_upstream_cx_active", cluster_name="xds-grpc")
    assert not stats.select("envoy_cluster_upstream_cx_active", cluster_name=cluster)


def test_a_generated_sidecar_narrows_what_its_workload_sees(mesh: Mesh) -> None:
    """The other caller, which has none, sees all services."""
    seen = {name: outbound_clusters(mesh.pod(name)) for name in ("client", "stranger")}
    assert seen["stranger"] == {f"outbound|{port}||{SERVER.host}" for port in (HTTP, 9000)}
    assert seen["client"] > seen["stranger"]


def outbound_clusters(pod: Pod) -> set[str]:
    sections = pod.proxy.config_dump()["configs"]
    clusters = [entry["cluster"]["name"] for part in sections for entry in part.get("dynamic_active_clusters", ())]
    return {name for name in clusters if name.startswith("outbound|")}


def test_an_unknown_host_is_blocked_where_only_known_ones_are_let_out(mesh: Mesh) -> None:
    """502 is Istio's answer for its BlackHoleCluster."""
    assert mesh.pod("stranger").proxy.request("GET", "unknown.example.com").status_code == 502


def test_a_connection_that_breaks_off_is_the_callers_503(mesh: Mesh) -> None:
    """Istio does not retry it unasked: the application may have done what it was asked for."""
    mesh.answer("pair", Answer(hang_up=True))
    assert mesh.request("client", "GET", "pair").status_code == 503
    assert mesh.count("pair") == 1


def test_a_held_request_is_answered_when_it_is_released(mesh: Mesh) -> None:
    backend = mesh.pod("server").backends[8080]
    backend.paths = {"/slow": Answer(hold=True)}
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(mesh.request, "client", "GET", "server", "/slow")
        backend.await_requests(1)
        assert mesh.request("client", "GET", "server", "/fast").status_code == 200
        assert not slow.done()
        backend.release()
        assert slow.result().status_code == 200


def test_a_stopped_replica_is_not_asked_and_comes_back(mesh: Mesh) -> None:
    """Its address refuses connections, which Istio retries unasked, on another replica."""
    first, second = mesh.pods("pair")
    with first.proxy.stopped():
        assert {mesh.request("client", "GET", "pair").status_code for _ in range(10)} == {200}
        assert (first.backend.count(), second.backend.count()) == (0, 10)
    assert {mesh.request("client", "GET", "pair").status_code for _ in range(10)} == {200}
    assert first.backend.count() > 0


def test_an_envoy_ends_with_its_proxy(mesh: Mesh) -> None:
    """It is a child of the agent, and not ours."""
    proxy = mesh.pods("pair")[0].proxy
    processes = proxy.processes()
    assert [runs(process) for process in processes] == [True, True]
    with proxy.stopped():
        assert [runs(process) for process in processes] == [False, False]


def test_no_proxy_listens_beyond_loopback(mesh: Mesh) -> None:
    """As the kernel sees it, in hexadecimal with the lowest byte first."""
    processes = [process for name in ("server", "client") for process in mesh.pod(name).proxy.processes()]
    addresses = [address for process in processes for address in listening_addresses(str(process))]
    assert len(addresses) > len(processes)
    assert {address[-2:] for address in addresses} == {f"{127:X}"}


def runs(process: int) -> bool:
    """A process that has ended stays in the table until its new parent looks; where that is no init, for ever."""
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
