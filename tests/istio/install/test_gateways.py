"""Which Deployments of gateway pods an inventory needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from observe.istio.install.gateways import gateway_pods
from observe.istio.install.helm import helm_values
from observe.istio.install.sizing import Fleet
from observe.model import Gateway, Ingress
from observe.provenance import plain
from tests.istio.install.installed import by_istioctl
from tests.samples import a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.istioctl import Istioctl


def gateway(**changes: Any) -> Gateway:
    return Gateway(**{"hosts": ("a.example.com",), "secret": "tls", **changes})


def deployments(**gateways: Gateway) -> list[tuple[str, str, str, dict[str, str]]]:
    """Name, namespace, service account and labels of each."""
    return [
        (pods.name.value, pods.namespace.value, pods.service_account.value, plain(dict(pods.labels)))
        for pods in gateway_pods(a_mesh(gateways=gateways))
    ]


def test_istioctls_usual_account_gives_istios_usual_gateway() -> None:
    usual = ("istio-ingressgateway", "istio-system", "istio-ingressgateway-service-account")
    assert deployments(web=gateway()) == [(*usual, {"istio": "ingressgateway"})]
    assert deployments() == [(*usual, {})]


def test_the_account_that_is_declared_under_ingress_counts_where_there_are_no_gateways() -> None:
    (pods,) = gateway_pods(a_mesh(ingress=Ingress(namespace="edge", service_account="front")))
    assert (pods.name.value, pods.namespace.value) == ("front", "edge")
    assert plain(pods.all_labels) == {"app": "front", "istio": "front"}


def test_gateways_that_select_the_same_pods_are_on_one_deployment() -> None:
    assert len(deployments(a=gateway(), b=gateway(hosts=("b.example.com",)))) == 1
    assert len(deployments(a=gateway(), b=gateway(namespace="edge"))) == 2


def test_deployments_that_share_an_account_have_names_of_their_own() -> None:
    found = deployments(a=gateway(), b=gateway(labels={"istio": "b"}), c=gateway(service_account="c"))
    assert [name for name, *_ in found] == ["istio-ingressgateway", "istio-ingressgateway-b"]
    found = deployments(a=gateway(), b=gateway(labels={"istio": "b"}, namespace="edge"))
    assert [name for name, *_ in found] == ["istio-ingressgateway", "istio-ingressgateway"]


SHARED = {"a": gateway(), "b": gateway(hosts=("b.example.com",), labels={"istio": "b"})}


def test_a_shared_account_is_made_by_one_release_only() -> None:
    """Helm refuses to take over what another release has made."""
    files = dict(helm_values(Fleet(an_inventory(a_service(), mesh=a_mesh(gateways=SHARED)))))
    values = [
        plain(content) for path, content in files.items() if path.startswith("install/helm/gateways/istio-system/")
    ]
    assert [one["serviceAccount"]["create"] for one in values] == [True, False]
    assert [one.get("rbac") for one in values] == [None, {"enabled": False}]
    assert len({one["serviceAccount"]["name"] for one in values}) == 1


def test_istioctl_gives_both_the_shared_account(istioctl: Istioctl, tmp_path: Path) -> None:
    found = by_istioctl(an_inventory(a_service(), mesh=a_mesh(gateways=SHARED)), istioctl, tmp_path)
    for name in ("istio-ingressgateway", "istio-ingressgateway-b"):
        pods = found.objects["Deployment", name]["spec"]["template"]
        assert pods["spec"]["serviceAccountName"] == "istio-ingressgateway-service-account"
        (subject,) = found.objects["RoleBinding", f"{name}-sds"]["subjects"]
        assert subject["name"] == "istio-ingressgateway-service-account"
    assert found.objects["Deployment", "istio-ingressgateway-b"]["spec"]["selector"]["matchLabels"]["istio"] == "b"


def test_gateways_of_the_gateway_api_are_deployed_by_istiod() -> None:
    assert gateway_pods(a_mesh(routing="gateway-api", gateways=SHARED)) == ()
