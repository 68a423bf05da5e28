"""The whole mesh: an API server, istiod, and for each replica a Pod: its backends and its proxy."""

from __future__ import annotations

import random
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from observe.clients.kube_resource import Resource
from tests.mesh.backends import Answer, Backend, GrpcBackend, HttpBackend
from tests.mesh.proxy import ControlPlane, Proxy
from tests.mesh.workload import Manifest, Replica, Workload, objects, sidecar, sidecar_of, workload_entry
from tests.servers.istiod import Istiod
from tests.servers.kubernetes_api import KubernetesApi
from tests.servers.processes import accepted, local_session

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    import requests

APPLICATION: Mapping[str, type[Backend]] = {"http": HttpBackend, "grpc": GrpcBackend}


@dataclass(frozen=True, slots=True)
class Pod:
    """A replica, and what runs in it."""

    replica: Replica
    backends: Mapping[int, Backend]
    """By the port of the container."""
    proxy: Proxy

    @property
    def backend(self) -> Backend:
        """The only one, of a workload with one port."""
        (backend,) = self.backends.values()
        return backend

    def plain_request(self, method: str, path: str = "/", *, port: int = 8080, **options: Any) -> requests.Response:
        """What somebody without a certificate gets from the container's port; `options` as in `requests.request`."""
        options.setdefault("timeout", self.proxy.limit)
        with local_session() as session:
            return session.request(method, f"http://{self.replica.address}:{port}{path}", **options)


class Mesh:
    """Everything while the block runs, all files in `folder`; `limit`: seconds for each step.

    The workloads get their Services, accounts and proxies. The `manifests` are applied as they are, except for
    Sidecars, of which each replica gets its own (see `workload.sidecar`). All of it is there before istiod starts,
    so the first configuration that a proxy gets is the whole one, and it is ready with that. A proxy that refuses
    a part of it raises ServerError. Workloads go by their names, whatever their namespace.

    Envoy is the stock one: it refuses the filter that Istio's own metrics (`istio_*`) come from, so `mesh_config` loses
    its providers of metrics, and no Telemetry may ask for any.

    Two meshes can run at once: each has a network of its own within 127.0.0.0/8, and no port is fixed.
    """

    def __init__(
        self,
        folder: Path,
        workloads: Iterable[Workload],
        manifests: Iterable[Manifest] = (),
        *,
        mesh_config: Mapping[str, Any] | None = None,
        limit: float = 120,
    ) -> None:
        self.folder = folder
        self.limit = limit
        self.api = KubernetesApi(folder / "kubernetes", limit=limit)
        self._workloads = tuple(workloads)
        if len({workload.name for workload in self._workloads}) < len(self._workloads):
            raise ValueError("two workloads have the same name")
        self._manifests = tuple(manifests)
        self._mesh_config = without_metrics(mesh_config or {})
        self._pods: dict[str, tuple[Pod, ...]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            applications = self._start_applications(stack)
            stack.enter_context(self.api)
            self._apply_all([replica for replica, _ in applications])
            plane = self._start_istiod(stack)
            for replica, backends in applications:
                proxy = stack.enter_context(Proxy(self.folder / replica.name, replica, plane, limit=self.limit))
                name = replica.workload.name
                self._pods[name] = (*self._pods.get(name, ()), Pod(replica, backends, proxy))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def pods(self, name: str) -> tuple[Pod, ...]:
        """All replicas of a workload."""
        return self._pods[name]

    def pod(self, name: str) -> Pod:
        """The only replica of a workload."""
        (pod,) = self.pods(name)
        return pod

    def request(self, caller: str, method: str, callee: str, path: str = "/", **options: Any) -> requests.Response:
        """What the only replica of one workload gets from the first port of another, through both their proxies."""
        workload = self.pods(callee)[0].replica.workload
        return self.pod(caller).proxy.request(method, workload.host, path, port=workload.ports[0].number, **options)

    def count(self, name: str, method: str | None = None, path: str | None = None) -> int:
        """How many requests all replicas of a workload have seen, as in `Backend.count`."""
        backends = [backend for pod in self.pods(name) for backend in pod.backends.values()]
        return sum(backend.count(method, path) for backend in backends)

    def answer(self, name: str, answer: Answer) -> None:
        """Let all replicas of a workload answer like this."""
        for pod in self.pods(name):
            for backend in pod.backends.values():
                backend.answer = answer

    def reset(self) -> None:
        """All backends as at the start; what the proxies have learnt of them stays."""
        for pods in self._pods.values():
            for pod in pods:
                for backend in pod.backends.values():
                    backend.reset()

    def apply(self, manifest: Manifest) -> None:
        """Server-side apply of one object; later than at the start, the proxies hear of it in their own time."""
        metadata = manifest["metadata"]
        resource = Resource(manifest["apiVersion"], manifest["kind"])
        accepted(self.api.apply(resource.path(metadata["namespace"], metadata["name"]), manifest))

    def _start_applications(self, stack: ExitStack) -> list[tuple[Replica, dict[int, Backend]]]:
        """Start the backends of all replicas, and give each replica its address."""
        addresses = free_network()
        started = []
        for workload in self._workloads:
            for index in range(workload.replicas):
                backends = {port.target: stack.enter_context(APPLICATION[port.protocol]()) for port in workload.ports}
                ports = {target: backend.port for target, backend in backends.items()}
                started.append((Replica(workload, index, next(addresses), next(addresses), ports), backends))
        return started

    def _apply_all(self, replicas: Iterable[Replica]) -> None:
        generated = [manifest for manifest in self._manifests if manifest["kind"] == "Sidecar"]
        wanted = [manifest for manifest in self._manifests if manifest["kind"] != "Sidecar"]
        for workload in self._workloads:
            wanted += objects(workload)
        for replica in replicas:
            wanted += [workload_entry(replica), sidecar(replica, sidecar_of(replica, generated))]
        for namespace in {manifest["metadata"]["namespace"] for manifest in wanted}:
            self.api.create_namespace(namespace)
        for manifest in wanted:
            self.apply(manifest)

    def _start_istiod(self, stack: ExitStack) -> ControlPlane:
        folder = self.folder / "istiod"
        istiod = stack.enter_context(Istiod(folder, self.api, mesh_config=self._mesh_config, limit=self.limit))
        return ControlPlane(
            self.api,
            f"localhost:{istiod.secure_grpc}",
            self._mesh_config.get("defaultConfig", {}),
            istiod.root_certificate(),
        )


def without_metrics(mesh_config: Mapping[str, Any]) -> dict[str, Any]:
    return {**mesh_config, "defaultProviders": {**mesh_config.get("defaultProviders", {}), "metrics": []}}


def free_network() -> Iterator[str]:
    """The addresses of a network in 127.0.0.0/8 that no other mesh has, drawn at random as free ports are.

    All of 127.0.0.0/8 is loopback on Linux; elsewhere only 127.0.0.1 is, and binding fails.
    """
    network = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}"  # noqa: S311  # no secret
    return (f"{network}.{host}" for host in range(1, 255))
