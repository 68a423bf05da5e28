"""istioctl and Helm, given the pack: each installs what the inventory says, and both the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from observe.inventory import load
from observe.model import ExternalCaller, Gateway, Installation, Inventory, LatencyObjective, Objectives, Resources
from tests.conftest import INVENTORIES
from tests.istio.install.installed import Installed, by_helm, by_istioctl, load_yaml
from tests.samples import a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from tests.servers.helm import Helm
    from tests.servers.istioctl import Istioctl


def inventory(**mesh: Any) -> Inventory:
    services = (
        a_service("front", external_callers=(ExternalCaller(name="Customers"),), peak_rps=3_000),
        a_service("slow", objectives=Objectives(latency=LatencyObjective(limit=750))),
    )
    return an_inventory(*services, mesh=a_mesh(**mesh))


WEST = Installation(
    cluster="west",
    network="west-1",
    revision="stable",
    control_plane_replicas=3,
    gateway_replicas=4,
    proxy=Resources(cpu="70m", memory="160Mi", cpu_limit="1500m", memory_limit="900Mi"),
)
OWN_GATEWAY = Gateway(
    hosts=("api.example.com",),
    secret="tls",
    namespace="ingress",
    service_account="edge",
    labels={"istio": "edge", "tier": "front"},
)
MESHES: dict[str, dict[str, Any]] = {
    "plain": {},
    "everything": {
        "installation": WEST,
        "trust_domain": "example.com",
        "root_namespace": "mesh-system",
        "gateways": {"public": OWN_GATEWAY},
    },
    "gateway-api": {"routing": "gateway-api"},
    "ambient": {"data_plane": "ambient", "waypoints": True, "installation": Installation(cluster="east", network="n")},
}


@pytest.fixture(scope="module", params=[*MESHES, *INVENTORIES], ids=lambda source: Path(source).name)
def both(
    request: pytest.FixtureRequest, istioctl: Istioctl, helm: Helm, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Installed, Installed]:
    name = request.param
    found = inventory(**MESHES[name]) if name in MESHES else load(name)
    folder = tmp_path_factory.mktemp("install")
    return by_istioctl(found, istioctl, folder), by_helm(found, helm, folder)


def test_both_ways_give_proxies_the_same_configuration(both: tuple[Installed, Installed]) -> None:
    first, second = both
    assert first.mesh_config == second.mesh_config
    assert first.injection == second.injection


def test_both_ways_run_the_same_control_plane(both: tuple[Installed, Installed]) -> None:
    first, second = both
    name = f"istiod{first.revision}"
    assert first.container("Deployment", name) == second.container("Deployment", name)
    assert first.scaling(name) == second.scaling(name)
    for kind in ("HorizontalPodAutoscaler", "PodDisruptionBudget"):
        assert first.objects[kind, name]["spec"] == second.objects[kind, name]["spec"]
    pods = [one.objects["Deployment", name]["spec"]["template"]["spec"] for one in both]
    assert pods[0] == pods[1]


def test_both_ways_deploy_the_same_gateways(both: tuple[Installed, Installed]) -> None:
    """From different charts, so that only what matters to others can be the same: names, accounts, sizes, labels."""
    first, second = both
    gateways = [
        {name for kind, name in one.objects if kind == "Deployment" and not name.startswith("istiod")} for one in both
    ]
    assert gateways[0] == gateways[1]
    for name in gateways[0]:
        assert first.scaling(name) == second.scaling(name)
        assert first.container("Deployment", name)["resources"] == second.container("Deployment", name)["resources"]
        pods = [one.objects["Deployment", name]["spec"]["template"] for one in both]
        assert pods[0]["spec"]["serviceAccountName"] == pods[1]["spec"]["serviceAccountName"]
        assert ("ServiceAccount", pods[0]["spec"]["serviceAccountName"]) in first.objects.keys() & second.objects.keys()
        assert pods[0]["spec"]["affinity"]["podAntiAffinity"] == pods[1]["spec"]["affinity"]["podAntiAffinity"]
        for label in ("app", "istio"):
            assert pods[0]["metadata"]["labels"][label] == pods[1]["metadata"]["labels"][label]
        budgets = [one.objects["PodDisruptionBudget", name]["spec"]["minAvailable"] for one in both]
        assert budgets == [1, 1]


def test_both_ways_run_the_same_node_proxies(both: tuple[Installed, Installed]) -> None:
    first, second = both
    daemons = [{name for kind, name in one.objects if kind == "DaemonSet"} for one in both]
    assert daemons[0] == daemons[1]
    for name in daemons[0]:
        assert first.container("DaemonSet", name) == second.container("DaemonSet", name)


@pytest.fixture(scope="module")
def everything(istioctl: Istioctl, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return by_istioctl(inventory(**MESHES["everything"]), istioctl, tmp_path_factory.mktemp("install"))


def test_istiods_of_a_revision_stand_in_the_root_namespace_in_the_declared_number(everything: Installed) -> None:
    istiod = everything.objects["Deployment", "istiod-stable"]
    assert istiod["metadata"]["namespace"] == "mesh-system"
    assert everything.scaling("istiod-stable") == (3, 6)
    assert everything.objects["PodDisruptionBudget", "istiod-stable"]["spec"]["minAvailable"] == 1
    assert everything.container("Deployment", "istiod-stable")["resources"] == {
        "requests": {"cpu": "500m", "memory": "768Mi"},
        "limits": {"memory": "1280Mi"},
    }


def test_the_injector_gives_sidecars_the_declared_amounts_their_cluster_and_the_buckets(everything: Installed) -> None:
    proxy = everything.injection["global"]["proxy"]
    assert proxy["resources"] == {
        "requests": {"cpu": "70m", "memory": "160Mi"},
        "limits": {"cpu": "1500m", "memory": "900Mi"},
    }
    place = everything.injection["global"]
    assert (place["meshID"], place["multiCluster"]["clusterName"], place["network"]) == (
        "example.com",
        "west",
        "west-1",
    )
    config = load_yaml(everything.objects["ConfigMap", "istio-sidecar-injector-stable"]["data"]["config"])
    assert " 750, " in config["injectedAnnotations"]["sidecar.istio.io/statsHistogramBuckets"]


def test_mesh_config_of_the_inventory_is_the_one_that_istiod_reads(everything: Installed) -> None:
    config = everything.mesh_config
    assert (config["trustDomain"], config["rootNamespace"]) == ("example.com", "mesh-system")
    assert config["defaultConfig"]["discoveryAddress"] == "istiod-stable.mesh-system.svc:15012"
    assert config["defaultConfig"]["holdApplicationUntilProxyStarts"] is True
    assert len(config["defaultConfig"]["proxyStatsMatcher"]["inclusionRegexps"]) == 1
    assert config["defaultProviders"] == {"metrics": ["prometheus"]}


def test_a_gateway_has_the_identity_that_policies_admit(everything: Installed) -> None:
    """Istioctl's chart would call the account `edge-service-account`; the right to read certificates goes along."""
    gateway = everything.objects["Deployment", "edge"]
    assert gateway["metadata"]["namespace"] == "ingress"
    assert gateway["spec"]["template"]["spec"]["serviceAccountName"] == "edge"
    assert gateway["spec"]["template"]["metadata"]["labels"].items() >= {"istio": "edge", "tier": "front"}.items()
    assert everything.objects["ServiceAccount", "edge"]["metadata"]["namespace"] == "ingress"
    assert ("ServiceAccount", "edge-service-account") not in everything.objects
    (subject,) = everything.objects["RoleBinding", "edge-sds"]["subjects"]
    assert subject["name"] == "edge"
    assert everything.scaling("edge") == (4, 8)


def test_istios_usual_gateway_is_there_when_the_inventory_names_none(istioctl: Istioctl, tmp_path: Path) -> None:
    found = by_istioctl(inventory(), istioctl, tmp_path)
    pods = found.objects["Deployment", "istio-ingressgateway"]["spec"]["template"]
    assert pods["spec"]["serviceAccountName"] == "istio-ingressgateway-service-account"
    assert pods["metadata"]["labels"]["istio"] == "ingressgateway"
    assert found.scaling("istio-ingressgateway") == (3, 6)


def test_gateways_that_istiod_deploys_get_an_autoscaler_and_a_budget(istioctl: Istioctl, tmp_path: Path) -> None:
    found = by_istioctl(inventory(routing="gateway-api"), istioctl, tmp_path)
    assert not [name for kind, name in found.objects if kind == "Deployment" and name != "istiod"]
    defaults = found.objects["ConfigMap", "istio-default-gatewayclass-istio"]
    assert defaults["metadata"]["labels"]["gateway.istio.io/defaults-for-class"] == "istio"
    parts = {kind: load_yaml(text)["spec"] for kind, text in defaults["data"].items()}
    assert parts["horizontalPodAutoscaler"]["minReplicas"] == 3
    assert parts["podDisruptionBudget"] == {"minAvailable": 1}
    (container,) = parts["deployment"]["template"]["spec"]["containers"]
    assert container["name"] == "istio-proxy"
    assert container["resources"]["requests"] == {"cpu": "500m", "memory": "256Mi"}


def test_an_ambient_mesh_has_its_node_proxies_and_waypoints_that_survive_a_pod(
    istioctl: Istioctl, tmp_path: Path
) -> None:
    found = by_istioctl(inventory(**MESHES["ambient"]), istioctl, tmp_path)
    env = {one["name"]: one.get("value") for one in found.container("DaemonSet", "ztunnel")["env"]}
    assert (env["ISTIO_META_CLUSTER_ID"], env["NETWORK"], env["LOG_FORMAT"]) == ("east", "n", "json")
    assert ("DaemonSet", "istio-cni-node") in found.objects
    waypoints = found.objects["ConfigMap", "istio-default-gatewayclass-istio-waypoint"]["data"]
    assert load_yaml(waypoints["horizontalPodAutoscaler"])["spec"]["minReplicas"] == 2
    assert found.injection["global"]["waypoint"]["resources"]["requests"]["cpu"] == "550m"


def test_versions_that_know_no_defaults_for_gateways_are_not_given_any(istioctl: Istioctl, tmp_path: Path) -> None:
    found = by_istioctl(inventory(routing="gateway-api", istio_version="1.25"), istioctl, tmp_path)
    assert not [name for kind, name in found.objects if "gatewayclass" in name]
