"""Patches of the users' own workloads: what they say, of whom, and that they take nothing away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from observe.istio.install.sizing import Fleet
from observe.istio.install.workloads import workload_patches
from observe.model import ExcludedPorts, Metrics, Outside, Resources, Service, Workload
from observe.provenance import plain
from tests.samples import a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from tests.servers.kubernetes_api import KubernetesApi

EXCLUDED = "traffic.sidecar.istio.io/exclude"


def quiet(name: str = "quiet", **changes: Any) -> Service:
    """A service of which nothing is to be said."""
    return a_service(name, **{"injection": "namespace", **changes})


def patches(*services: Service, **mesh: Any) -> dict[str, dict[str, Any]]:
    """By path, without the kustomizations."""
    found = dict(workload_patches(Fleet(an_inventory(*services, mesh=a_mesh(**mesh)))))
    return {path: plain(patch) for path, patch in found.items() if not path.endswith("/kustomization.yaml")}


def template(service: Service, *others: Service, **mesh: Any) -> dict[str, Any]:
    """The labels and annotations of the service's pods; empty when it has no patch."""
    name = service.workload.name or service.name
    path = f"install/workloads/{service.namespace}/deployment-{name}.yaml"
    patch = patches(service, *others, **mesh).get(path)
    return dict(patch["spec"]["template"]["metadata"]) if patch else {}


def annotated(service: Service, **mesh: Any) -> dict[str, str]:
    return dict(template(service, **mesh).get("annotations", {}))


def test_workloads_of_which_nothing_is_to_be_said_have_no_patch() -> None:
    assert list(workload_patches(Fleet(an_inventory(quiet())))) == []


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_patch_names_the_workload_and_nothing_of_it_but_its_pod_template(kind: Any) -> None:
    (found,) = patches(a_service(workload=Workload(kind=kind, name="checkout-v1"))).values()
    assert found == {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "checkout-v1", "namespace": "shop"},
        "spec": {"template": {"metadata": {"labels": {"sidecar.istio.io/inject": "true"}}}},
    }


def test_who_is_not_in_the_mesh_says_so_where_the_namespace_would_inject_it() -> None:
    assert template(quiet(in_mesh=False), quiet("other")) == {"labels": {"sidecar.istio.io/inject": "false"}}
    assert template(quiet(in_mesh=False), quiet("other", namespace="elsewhere")) == {}
    assert template(quiet(in_mesh=False, outside=Outside(host="a.example.com")), quiet("other")) == {}


def test_pods_without_a_sidecar_have_nothing_to_tell_it() -> None:
    service = quiet(
        in_mesh=False, excluded_ports=ExcludedPorts(inbound=(1234,)), proxy=Resources(cpu="2"), peak_rps=10**6
    )
    assert template(service) == {}


def test_in_an_ambient_mesh_pods_are_labelled_for_ztunnel_instead() -> None:
    label, mesh = "istio.io/dataplane-mode", {"data_plane": "ambient"}
    assert template(a_service(), **mesh) == {"labels": {label: "ambient"}}
    assert template(quiet(in_mesh=False), quiet("other"), **mesh) == {"labels": {label: "none"}}
    busy = quiet(peak_rps=10**6, metrics=Metrics(port=9102), excluded_ports=ExcludedPorts(outbound=(3306,)))
    assert template(busy, **mesh) == {}


def test_ports_past_the_proxy_are_named_on_the_pod_template() -> None:
    """On a Service, where they are often seen, Istio never reads them."""
    found = annotated(quiet(excluded_ports=ExcludedPorts(inbound=(9999, 8081), outbound=(3306,))))
    assert found == {f"{EXCLUDED}InboundPorts": "8081,9999", f"{EXCLUDED}OutboundPorts": "3306"}
    assert annotated(quiet(excluded_ports=ExcludedPorts(outbound=(5432,)))) == {f"{EXCLUDED}OutboundPorts": "5432"}


def test_merged_metrics_are_where_the_agent_looks_for_them() -> None:
    found = annotated(quiet(metrics=Metrics(port=9102, path="/internal/metrics")))
    assert found == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "9102",
        "prometheus.io/path": "/internal/metrics",
    }


def test_metrics_that_prometheus_reads_itself_are_not_taken_over_by_the_agent() -> None:
    assert annotated(quiet(metrics=Metrics(port=9102, merged=False))) == {}


def test_amounts_come_all_together_or_not_at_all() -> None:
    """With one of the annotations, injection forgets what all sidecars ask for (`injection-template.yaml`)."""
    amounts = {
        "sidecar.istio.io/proxyCPU": "300m",
        "sidecar.istio.io/proxyMemory": "128Mi",
        "sidecar.istio.io/proxyCPULimit": "2",
        "sidecar.istio.io/proxyMemoryLimit": "1Gi",
    }
    assert annotated(quiet(proxy=Resources(cpu="300m"))) == amounts
    assert annotated(quiet(replicas=1, peak_rps=800)) == amounts
    assert annotated(quiet(peak_rps=3)) == {}


def test_services_that_one_workload_runs_have_one_patch_with_what_all_of_them_need() -> None:
    """Two patches of one workload would overwrite each other's lists of ports."""
    runs = Workload(name="orders")
    first = quiet("a", workload=runs, excluded_ports=ExcludedPorts(inbound=(1001,)), proxy=Resources(cpu="200m"))
    second = quiet("b", workload=runs, excluded_ports=ExcludedPorts(inbound=(1002,)), proxy=Resources(memory="512Mi"))
    third = a_service("c", workload=runs, metrics=Metrics(port=9102))
    found = patches(first, second, third)
    assert list(found) == ["install/workloads/shop/deployment-orders.yaml"]
    metadata = template(first, second, third)
    assert metadata["labels"] == {"sidecar.istio.io/inject": "true"}
    assert metadata["annotations"][f"{EXCLUDED}InboundPorts"] == "1001,1002"
    assert metadata["annotations"]["prometheus.io/port"] == "9102"
    assert metadata["annotations"]["sidecar.istio.io/proxyCPU"] == "200m"
    assert metadata["annotations"]["sidecar.istio.io/proxyMemory"] == "512Mi"


def test_equally_called_workloads_of_other_kinds_and_namespaces_are_others() -> None:
    found = patches(
        a_service("a", workload=Workload(name="w")),
        a_service("b", workload=Workload(name="w", kind="StatefulSet")),
        a_service("c", namespace="other", workload=Workload(name="w")),
    )
    assert len(found) == 3


def test_a_namespaces_kustomization_names_its_patches_with_their_targets() -> None:
    """Without the namespace, which many kustomizations give their resources only after the patches."""
    stateful = Workload(kind="StatefulSet", name="b-db")
    services = (a_service("a"), a_service("b", workload=stateful), a_service("c", namespace="bank"), quiet())
    found = dict(workload_patches(Fleet(an_inventory(*services))))
    assert plain(found["install/workloads/shop/kustomization.yaml"]) == {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "patches": [
            {"path": "deployment-a.yaml", "target": {"kind": "Deployment", "name": "a"}},
            {"path": "stateful-set-b-db.yaml", "target": {"kind": "StatefulSet", "name": "b-db"}},
        ],
    }
    (other,) = plain(found["install/workloads/bank/kustomization.yaml"])["patches"]
    assert other["path"] == "deployment-c.yaml"
    assert {f"install/workloads/shop/{name}.yaml" for name in ("deployment-a", "stateful-set-b-db")} < found.keys()


def test_a_service_called_like_a_kustomization_is_no_kustomization() -> None:
    found = [path for path, _ in workload_patches(Fleet(an_inventory(a_service("kustomization"))))]
    assert len(found) == len(set(found)) == 2


OURS = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "checkout"},
    "spec": {
        "selector": {"matchLabels": {"app": "checkout"}},
        "template": {
            "metadata": {"labels": {"app": "checkout"}, "annotations": {"team": "shop"}},
            "spec": {"containers": [{"name": "app", "image": "app:1"}]},
        },
    },
}


def test_kubernetes_merges_the_patch_into_what_the_team_has(kubernetes_api: KubernetesApi, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    created = kubernetes_api.request("POST", path, json=OURS)
    assert created.ok, created.text
    service = a_service(namespace=namespace, metrics=Metrics(port=9102), excluded_ports=ExcludedPorts(outbound=(3306,)))
    (patch,) = patches(service).values()
    merge = {"Content-Type": "application/strategic-merge-patch+json"}
    done = kubernetes_api.request(
        "PATCH", f"{path}/checkout", headers=merge, json=patch, params={"fieldValidation": "Strict"}
    )
    assert done.ok, done.text
    before, after = (answer.json()["spec"]["template"] for answer in (created, done))
    assert after["spec"] == before["spec"]
    assert after["metadata"]["labels"] == {"app": "checkout", "sidecar.istio.io/inject": "true"}
    assert after["metadata"]["annotations"] == {"team": "shop", **template(service)["annotations"]}
