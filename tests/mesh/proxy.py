"""A pilot-agent with its Envoy, beside one replica: real certificates, real configuration from istiod."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import grpc

from tests.mesh import stats
from tests.mesh.workload import HTTP
from tests.servers.install import SERVERS, envoy
from tests.servers.processes import (
    LOOPBACK,
    ServerError,
    accepted,
    answers,
    free_ports,
    local_session,
    running,
    tail,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    import requests

    from tests.mesh.workload import Replica
    from tests.servers.kubernetes_api import KubernetesApi

EXTERNALLY_BOUND = "{{ .wildcard }}"
"""Where Istio's bootstrap lets Envoy listen to everybody: for Prometheus, and for the kubelet's probes."""
REFUSALS = ("envoy_cluster_manager_cds_update_rejected", "envoy_listener_manager_lds_update_rejected")
"""Counters of what Envoy would not take of the clusters and the listeners that istiod sent."""
CHANGE_FOLDER = 'cd "$0" && exec "$@"'
"""The agent's files, and its sockets with their short paths, are relative to its working folder."""


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """What a proxy has to know of the mesh that it joins."""

    api: KubernetesApi
    discovery: str
    """istiod's address for mutual TLS, as in its certificate."""
    default_config: Mapping[str, Any]
    """The mesh's `defaultConfig`, which injection would put into the Pod."""
    root_certificate: str
    """In PEM; istiod writes it into every namespace, from where the kubelet would mount it."""


class Proxy:
    """The sidecar of a replica, ready while the block runs, all files in `folder`; `limit` is in seconds.

    It listens on loopback only. So the agent's own port, 15020 in a cluster, is missing, and with it the agent's
    metrics: the agent would open it to everybody (`pilot/cmd/pilot-agent/status/server.go`).
    """

    def __init__(self, folder: Path, replica: Replica, plane: ControlPlane, *, limit: float = 60) -> None:
        self.folder = folder
        self.replica = replica
        self.limit = limit
        self.admin, self._health, self._prometheus = free_ports(3)
        self._plane = plane
        self._session = local_session()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._session)
            self._write_pod()
            env = self._environment(taken_port(stack))
            log = self.folder / "agent.log"
            agent = stack.enter_context(running(self._argv(), log, self._ready, env=env, limit=self.limit))
            self.agent = agent.pid
            self._accepted_all(log)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Without the sidecar, and so with nobody at the replica's address, while the block runs."""
        self._stack.close()
        try:
            yield
        finally:
            self.__enter__()

    def request(
        self, method: str, host: str, path: str = "/", *, port: int = HTTP, **options: Any
    ) -> requests.Response:
        """What the application beside this proxy gets when it asks `host`; `options` as in `requests.request`."""
        headers = {**options.pop("headers", {}), "Host": host}
        options.setdefault("timeout", self.limit)
        with local_session() as session:
            url = f"http://{self.replica.egress}:{port}{path}"
            return session.request(method, url, headers=headers, **options)

    def call(self, host: str, method: str, *, port: int = 9000) -> grpc.StatusCode:
        """The status that the application gets for a unary gRPC call of `/package.Service/Method`."""
        options = (("grpc.default_authority", f"{host}:{port}"), ("grpc.enable_http_proxy", 0))
        with grpc.insecure_channel(f"{self.replica.egress}:{port}", options=options) as channel:
            try:
                channel.unary_unary(method)(b"", timeout=self.limit)
            except grpc.RpcError as error:
                return error.code()
        return grpc.StatusCode.OK

    def stats(self) -> stats.Stats:
        """What Envoy counts now, as far as the stats matcher of its bootstrap lets it."""
        return stats.parse(self._get(f"http://{LOOPBACK}:{self.admin}/stats/prometheus").text)

    def config_dump(self) -> dict[str, Any]:
        """Envoy's whole configuration, endpoints included, as its admin interface gives it."""
        dump: dict[str, Any] = self._get(f"http://{LOOPBACK}:{self.admin}/config_dump?include_eds").json()
        return dump

    def processes(self) -> tuple[int, ...]:
        """The ids of the agent and of its Envoy."""
        children = Path(f"/proc/{self.agent}/task").glob("*/children")
        return (self.agent, *(int(child) for path in children for child in path.read_text().split()))

    def _get(self, url: str) -> requests.Response:
        return accepted(self._session.get(url, timeout=self.limit))

    def _ready(self) -> bool:
        return answers(self._session, f"http://{LOOPBACK}:{self.admin}/ready")

    def _accepted_all(self, log: Path) -> None:
        """Raise ServerError if Envoy refused something: it is ready also with the rest of its configuration."""
        refused = [name for name in REFUSALS if self.stats().value(name)]
        if refused:
            raise ServerError(f"{self.replica.name} refused configuration ({', '.join(refused)}); {tail(log)}")

    def _write_pod(self) -> None:
        """The files that kubelet and injection would mount into the container."""
        labels = "".join(f'{name}="{value}"\n' for name, value in self.replica.labels.items())
        template = (SERVERS["istio"].folder() / "envoy_bootstrap.json").read_text()
        for path, content in {
            "etc/istio/pod/labels": labels,
            "etc/istio/proxy/template.json": template.replace(EXTERNALLY_BOUND, "{{ .localhost }}"),
            "var/run/secrets/tokens/istio-token": self._token(),
            "var/run/secrets/istio/root-cert.pem": self._plane.root_certificate,
        }.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)

    def _token(self) -> str:
        workload = self.replica.workload
        path = f"/api/v1/namespaces/{workload.namespace}/serviceaccounts/{workload.name}/token"
        answer = accepted(self._plane.api.request("POST", path, json={"spec": {"audiences": ["istio-ca"]}}))
        return str(answer.json()["status"]["token"])

    def _argv(self) -> list[str | Path]:
        agent = SERVERS["istio"].folder() / "bin" / "pilot-agent"
        domain = f"--domain={self.replica.workload.namespace}.svc.cluster.local"
        return ["sh", "-c", CHANGE_FOLDER, self.folder, agent, "proxy", "sidecar", domain]

    def _environment(self, taken: int) -> dict[str, str]:
        """What injection would put into the container; the ports that a Pod has for itself differ here."""
        workload = self.replica.workload
        return {
            "POD_NAME": self.replica.name, "POD_NAMESPACE": workload.namespace, "SERVICE_ACCOUNT": workload.name,
            "INSTANCE_IP": self.replica.address, "HOST_IP": LOOPBACK,
            "ISTIO_META_CLUSTER_ID": "Kubernetes", "ISTIO_META_WORKLOAD_NAME": workload.name,
            "ISTIO_META_INTERCEPTION_MODE": "NONE", "ISTIO_META_UNPRIVILEGED_POD": "true",
            "ISTIO_BOOTSTRAP": str(self.folder / "etc/istio/proxy/template.json"),
            "ENVOY_STATUS_PORT": str(self._health), "ENVOY_PROMETHEUS_PORT": str(self._prometheus),
            "PROXY_CONFIG": json.dumps({**self._proxy_config(), "statusPort": taken}),
        }  # fmt: skip

    def _proxy_config(self) -> dict[str, Any]:
        return {
            **self._plane.default_config,
            **self.replica.workload.proxy_config,
            "binaryPath": str(envoy()),
            "discoveryAddress": self._plane.discovery,
            "proxyAdminPort": self.admin,
            "concurrency": 1,
            "terminationDrainDuration": "0s",
        }


def taken_port(stack: ExitStack) -> int:
    """A port that nobody can listen on until the stack ends.

    The agent must have a status port, and does without if it cannot have it.
    """
    holder = stack.enter_context(socket.socket())
    holder.bind((LOOPBACK, 0))
    return int(holder.getsockname()[1])
