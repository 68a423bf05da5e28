"""Kubernetes and Istio take every PeerAuthentication and AuthorizationPolicy as it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from observe.graph import Graph
from observe.model import MtlsDefault, Prometheus
from observe.pack import manifests
from observe.provenance import leaves
from tests.istio.security.secured import KINDS, path, policies, secured, workload
from tests.servers.processes import accepted

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Service
    from tests.servers.istioctl import Istioctl
    from tests.servers.kubernetes_api import KubernetesApi

MESHES: dict[str, dict[str, Any]] = {
    "sidecars": {"prometheus": Prometheus(service_account="prometheus")},
    "sidecars, and Prometheus without a certificate": {"mtls": MtlsDefault(mode="PERMISSIVE", reason="we move in")},
    "ztunnel": {"data_plane": "ambient", "mtls": MtlsDefault(mode="STRICT")},
    "waypoints": {"data_plane": "ambient", "waypoints": True},
}


@pytest.mark.parametrize("mesh", MESHES.values(), ids=MESHES)
def test_the_api_server_takes_every_field(mesh: dict[str, Any], kubernetes_api: KubernetesApi, namespace: str) -> None:
    strict = {"fieldValidation": "Strict", "dryRun": "All"}
    made = policies(secured(namespace, root_namespace=namespace, **mesh))
    assert {one["kind"] for one in made} == {"PeerAuthentication", "AuthorizationPolicy"}
    for manifest in made:
        accepted(kubernetes_api.apply(path(manifest), manifest, params=strict))


@pytest.mark.parametrize("mesh", MESHES.values(), ids=MESHES)
def test_every_value_says_what_decided_it(mesh: dict[str, Any]) -> None:
    inventory = secured("shop", **mesh)
    for _, made in manifests(inventory, Graph(inventory)):
        if made["kind"] in KINDS:
            parts = {"spec": made["spec"], "annotations": made["metadata"].get("annotations", {})}
            silent = [leaf for leaf in leaves(parts) if leaf.origin is None and leaf.path != ("annotations",)]
            assert not silent


@pytest.mark.parametrize("mesh", MESHES.values(), ids=MESHES)
def test_istio_validates_every_object(mesh: dict[str, Any], istioctl: Istioctl, tmp_path: Path) -> None:
    """It knows more than the CRDs do, such as which paths are templates."""
    file = tmp_path / "policies.yaml"
    file.write_text(yaml.safe_dump_all(policies(secured("shop", **mesh))))
    judged = istioctl.validate([file])
    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert "warning" not in (judged.stdout + judged.stderr).lower()


@pytest.mark.parametrize("mesh", MESHES.values(), ids=MESHES)
def test_istio_finds_nothing_wrong_with_all_of_them_together(
    mesh: dict[str, Any], kubernetes_api: KubernetesApi, namespace: str, istioctl: Istioctl
) -> None:
    """It looks for the pods that policies select; without one of them it says so."""
    inventory = secured(namespace, **mesh)
    made = [one for one in policies(inventory) if one["metadata"]["namespace"] == namespace]
    for manifest in (*made, *(workload(service, "192.0.2.1")[0] for service in inventory.services)):
        accepted(kubernetes_api.apply(path(manifest), manifest))
    *others, last = (pod(service) for service in inventory.services)
    for one in others:
        accepted(kubernetes_api.apply(path(one), one))
    selecting = {
        f"AuthorizationPolicy {namespace}/{one['metadata']['name']}"
        for one in made
        if one["kind"] == "AuthorizationPolicy"
        and one["spec"].get("selector") == {"matchLabels": last["metadata"]["labels"]}
    }
    said = istioctl.analyze_cluster(kubernetes_api.kubeconfig, namespace)
    assert {one.origin for one in said if one.code == "IST0127"} == selecting
    accepted(kubernetes_api.apply(path(last), last))
    said = istioctl.analyze_cluster(kubernetes_api.kubeconfig, namespace)
    assert not [one for one in said if one.origin.startswith(("AuthorizationPolicy", "PeerAuthentication"))]


def pod(service: Service) -> dict[str, Any]:
    containers = [{"name": "app", "image": "app"}, {"name": "istio-proxy", "image": "proxy"}]
    metadata = {"name": service.name, "namespace": service.namespace, "labels": dict(service.selector)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}}
