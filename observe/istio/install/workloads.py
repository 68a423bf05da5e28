"""What the pod templates of the users' own workloads need: patches for kustomize, one for each workload.

Only workloads of which something is to be said have one. The labels and annotations stand on the pod template:
on a Service or a Deployment itself Istio never reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe import naming
from observe.istio.install import containers
from observe.provenance import Sourced, declared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from observe.istio.install.containers import Sidecars
    from observe.istio.install.sizing import Fleet
    from observe.istio.metadata import Manifest
    from observe.model import Inventory, Service

INJECT: Final = "sidecar.istio.io/inject"
"""A label: the webhook selects pods by it. The annotation of the same name is read only of pods that are sent to the
webhook anyway (istio `mutatingwebhook.yaml`, `inject.go`)."""
DATA_PLANE: Final = "istio.io/dataplane-mode"
AMOUNTS: Final = ("proxyCPU", "proxyMemory", "proxyCPULimit", "proxyMemoryLimit")
"""Annotations. Where one of them is given, nothing holds of what all sidecars ask for (istio
`injection-template.yaml`): hence all or none."""
EXCLUDED: Final = {"inbound": "excludeInboundPorts", "outbound": "excludeOutboundPorts"}


def workload_patches(fleet: Fleet) -> Iterator[tuple[str, Manifest]]:
    """Paths in the pack, and patches; for each namespace with patches also the kustomization that names them."""
    entries: dict[str, list[Sourced[Manifest]]] = {}
    sidecars = containers.Sidecars(fleet)
    for services in _by_workload(fleet.inventory):
        first = services[0]
        if template := _pod_template(sidecars, services):
            yield _path(first), _patch(first, template)
            entries.setdefault(first.namespace, []).append(_entry(fleet.inventory, first))
    for namespace, named in entries.items():
        yield naming.kustomization_path(namespace), _component(named)


def _by_workload(inventory: Inventory) -> list[tuple[Service, ...]]:
    """The services in the cluster, those together that one workload runs."""
    found: dict[tuple[str, str, str], list[Service]] = {}
    for service in inventory.services:
        if service.outside is None:
            key = service.namespace, service.workload.kind, service.workload_name
            found.setdefault(key, []).append(service)
    return [tuple(services) for services in found.values()]


def _pod_template(sidecars: Sidecars, services: Sequence[Service]) -> Manifest:
    """Labels and annotations; empty when there are none."""
    inventory = sidecars.fleet.inventory
    labels, annotations = _membership(inventory, services), {}
    if inventory.mesh.data_plane == "sidecar" and any(service.in_mesh for service in services):
        annotations = {
            **_excluded(inventory, services),
            **_metrics(inventory, services),
            **_amounts(sidecars, services),
        }
    parts = (("labels", labels), ("annotations", annotations))
    return {part: content for part, content in parts if content}


def _membership(inventory: Inventory, services: Sequence[Service]) -> Manifest:
    """The label by which pods are in the mesh, or out of it, where the namespace's label alone does not say it."""
    sidecars = inventory.mesh.data_plane == "sidecar"
    inside = next((service for service in services if service.in_mesh), None)
    if inside is None:
        if not any(service.namespace == services[0].namespace for service in inventory.in_mesh):
            return {}
        origin = declared(inventory, services[0], "in_mesh", why="its namespace is in the mesh, and it is not")
        return {INJECT: Sourced("false", origin)} if sidecars else {DATA_PLANE: Sourced("none", origin)}
    explicit = next((service for service in services if service.injection == "explicit"), None)
    if explicit is None:
        return {}
    origin = declared(inventory, explicit, "injection")
    return {INJECT: Sourced("true", origin)} if sidecars else {DATA_PLANE: Sourced("ambient", origin)}


def _excluded(inventory: Inventory, services: Sequence[Service]) -> Manifest:
    """Ports that go past the proxy."""
    annotations: Manifest = {}
    for direction, name in EXCLUDED.items():
        ports = {port for service in services for port in getattr(service.excluded_ports, direction)}
        if ports:
            first = next(service for service in services if getattr(service.excluded_ports, direction))
            origin = declared(inventory, first, "excluded_ports", direction)
            annotations[f"traffic.sidecar.istio.io/{name}"] = Sourced(",".join(map(str, sorted(ports))), origin)
    return annotations


def _metrics(inventory: Inventory, services: Sequence[Service]) -> Manifest:
    """Where the application's metrics are. Injection hides these from Prometheus and has the sidecar's agent offer
    them together with the proxy's own (istio `applyPrometheusMerge`).
    """
    for service in services:
        metrics = service.metrics
        if metrics and metrics.merged:
            said = {"scrape": "true", "port": str(metrics.port), "path": metrics.path}
            origin = declared(inventory, service, "metrics")
            return {f"prometheus.io/{name}": Sourced(value, origin) for name, value in said.items()}
    return {}


def _amounts(sidecars: Sidecars, services: Sequence[Service]) -> Manifest:
    """What the sidecar asks for, when that is not what all ask for. Of several services', the most memory and CPU."""
    asked = containers.largest(sidecars.of(service) for service in services if service.in_mesh)
    if asked.amounts == sidecars.usual.amounts:
        return {}
    amounts = (asked.cpu, asked.memory, asked.cpu_limit, asked.memory_limit)
    return {f"sidecar.istio.io/{name}": amount for name, amount in zip(AMOUNTS, amounts, strict=True)}


def _patch(service: Service, template: Manifest) -> Manifest:
    """A strategic merge patch: what it does not name stays."""
    return {
        "apiVersion": "apps/v1",
        "kind": service.workload.kind,
        "metadata": {"name": service.workload_name, "namespace": service.namespace},
        "spec": {"template": {"metadata": template}},
    }


def _path(service: Service) -> str:
    return naming.workload_path(service.namespace, service.workload.kind, service.workload_name)


def _entry(inventory: Inventory, service: Service) -> Sourced[Manifest]:
    """The target names no namespace, which many kustomizations give their resources only after the patches. And with
    a target, a workload that is deployed elsewhere is passed over instead of being an error.
    """
    target = {"kind": service.workload.kind, "name": service.workload_name}
    file = _path(service).rpartition("/")[2]
    return Sourced({"path": file, "target": target}, declared(inventory, service, "workload"))


def _component(entries: list[Sourced[Manifest]]) -> Manifest:
    """For `components:` in the kustomization of whoever deploys the namespace's workloads."""
    return {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", "patches": entries}
