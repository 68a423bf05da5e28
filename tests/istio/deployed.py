"""An inventory's whole Istio configuration in a real API server, with a real istiod that makes something of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from observe.artifact import Kind
from observe.pack import build
from tests.servers.istiod import Istiod
from tests.servers.kubernetes_api import KubernetesApi
from tests.servers.processes import accepted
from tests.servers.xds import Proxy, Snapshot, ask
from tests.users_cluster import create, path_of, pod_address, users_objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from observe.model import Inventory, Service

Manifest = dict[str, Any]
STOCK_ENVOY: Manifest = {"defaultProviders": {"metrics": []}}
"""Istio's metrics come from a filter that stock Envoy lacks."""


@dataclass(frozen=True)
class Deployed:
    """A mesh as its users have it, and the pack applied to it."""

    inventory: Inventory
    api: KubernetesApi
    istiod: Istiod

    def service(self, name: str) -> Service:
        return next(service for service in self.inventory.services if service.name == name)

    def proxy(self, name: str) -> Proxy:
        """The sidecar of a service's first pod."""
        service = self.service(name)
        labels = {**service.selector, **(service.versions[0].selector if service.versions else {})}
        ip = pod_address(self.inventory.services.index(service))
        return Proxy(service.namespace, f"{name}-0", labels, service.service_account or "default", ip)

    def seen_by(self, name: str) -> Snapshot:
        """What the sidecar of a service's first pod gets."""
        return ask(self.istiod, self.proxy(name))


@contextmanager
def deployed(inventory: Inventory, folder: Path) -> Iterator[Deployed]:
    """Everything is applied with strict field validation, through istiod's own validating webhook."""
    mesh_config = {**generated_mesh_config(inventory), **STOCK_ENVOY}
    with (
        KubernetesApi(folder / "api") as api,
        Istiod(folder / "istiod", api, mesh_config=mesh_config, domain=inventory.mesh.cluster_domain) as istiod,
    ):
        create(api, users_objects(inventory))
        apply(api, istio_manifests(inventory))
        istiod.restart()
        yield Deployed(inventory, api, istiod)


def istio_manifests(inventory: Inventory) -> tuple[Manifest, ...]:
    """The Kubernetes objects of the pack below `istio/`."""
    return tuple(
        load_yaml(artifact.content)
        for artifact in build(inventory).artifacts
        if artifact.kind is Kind.MANIFEST and artifact.path.startswith("istio/")
    )


def generated_mesh_config(inventory: Inventory) -> Mapping[str, Any]:
    """The mesh configuration that the pack would have Istio installed with."""
    files = {artifact.path: artifact.content for artifact in build(inventory).artifacts}
    config: Mapping[str, Any] = load_yaml(files["install/istio-operator.yaml"])["spec"]["meshConfig"]
    return config


def load_yaml(content: bytes) -> Any:
    return yaml.load(content, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def apply(api: KubernetesApi, manifests: Iterable[Manifest]) -> None:
    """Apply objects of kinds that the server has; raises ServerError when it refuses one."""

    def write(one: Manifest) -> None:
        accepted(api.apply(path_of(one), one, params={"fieldValidation": "Strict"}))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, manifests))
