"""The whole pack of the example against the real systems, through the program as users run it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from observe.artifact import Kind
from observe.inventory import load
from observe.naming import service_uid
from observe.pack import build
from observe.publish.targets.kinds import KINDS
from tests.conftest import ROOT, SHOP, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from observe.pack import Pack
    from tests.servers.grafana_server import GrafanaServer
    from tests.servers.kubernetes_api import KubernetesApi
    from tests.servers.prometheus_server import PrometheusServer, Promtool

UNUSUAL = ROOT / "tests" / "inventories" / "unusual.yaml"
NAMESPACES = ("accounts", "catalog", "data", "edge", "messaging", "monitoring", "orders", "payments")
RESOURCES = {
    resource.kind: f"{resource.api_version}/{resource.plural}"
    for resource in KINDS
    if resource.api_version.partition("/")[0] in ("networking.istio.io", "security.istio.io", "telemetry.istio.io")
    or resource.kind == "PrometheusRule"
}
"""Where the API server has the kinds of the example."""


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """A copy of the example, to be changed."""
    return Path(shutil.copytree(SHOP, tmp_path / "shop"))


@pytest.fixture
def cluster(kubernetes_api: KubernetesApi) -> Iterator[KubernetesApi]:
    """The API server with the example's namespaces, and afterwards without its objects."""
    for name in NAMESPACES:
        if kubernetes_api.request("GET", f"/api/v1/namespaces/{name}").status_code == 404:
            kubernetes_api.create_namespace(name)
    yield kubernetes_api
    for path in RESOURCES.values():
        for name in NAMESPACES:
            group, version, plural = path.split("/")
            kubernetes_api.request("DELETE", f"/apis/{group}/{version}/namespaces/{name}/{plural}")


def versions(cluster: KubernetesApi) -> dict[tuple[str, str, str], str]:
    """Kind, namespace and name of every object that is there, to its resourceVersion."""
    found = {}
    for kind, path in RESOURCES.items():
        for item in cluster.request("GET", f"/apis/{path}").json()["items"]:
            metadata = item["metadata"]
            if metadata["namespace"] in NAMESPACES:
                found[kind, metadata["namespace"], metadata["name"]] = metadata["resourceVersion"]
    return found


def published(observe: Run, inventory: Path, target: str, **environment: str) -> list[dict[str, Any]]:
    """What became of every object; the publish went well, and told no secret."""
    done = observe("publish", "-i", str(inventory), "--to", target, "--format", "json", **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    secret = environment.get("GRAFANA_TOKEN")
    assert not secret or secret not in done.stdout + done.stderr
    objects: list[dict[str, Any]] = json.loads(done.stdout)[0]["objects"]
    return objects


def test_cluster_takes_every_object_and_is_left_in_peace_when_nothing_changed(
    cluster: KubernetesApi, inventory: Path, observe: Run, shop_pack: Pack
) -> None:
    """Objects are applied with strict field validation: an unknown field would be refused."""

    def publish() -> list[dict[str, Any]]:
        return published(observe, inventory, "cluster", KUBECONFIG=str(cluster.kubeconfig))

    wanted = {
        (artifact.identity.kind, artifact.identity.namespace, artifact.identity.name)
        for artifact in shop_pack.artifacts
        if artifact.kind is Kind.MANIFEST and artifact.identity
    }
    assert {one["result"] for one in publish()} == {"created"}
    first = versions(cluster)
    assert first.keys() == wanted
    assert {one["result"] for one in publish()} == {"unchanged"}
    assert versions(cluster) == first

    services = inventory / "services.yaml"
    services.write_text(
        services.read_text().replace(
            "application: {timeout: 2s}\n    objectives:\n      latency: {limit: 500ms}\n\n  order-data",
            "application: {timeout: 2s}\n    route: {timeout: 1s}\n\n  order-data",
        )
    )
    changed = {(one["kind"], one["namespace"], one["name"]) for one in publish() if one["result"] == "updated"}
    assert changed == {
        ("VirtualService", "data", "catalog-data"),
        ("PrometheusRule", "monitoring", "data.catalog-data"),
    }
    second = versions(cluster)
    assert {key for key in second if second[key] != first[key]} == changed


def test_cluster_takes_what_the_example_has_not(kubernetes_api: KubernetesApi, observe: Run) -> None:
    for name in ("a", "b", "vm", "observability"):
        kubernetes_api.create_namespace(name)
    arguments = ("publish", "-i", str(UNUSUAL), "--to", "cluster", "--dry-run", "--format", "json")
    done = observe(*arguments, KUBECONFIG=str(kubernetes_api.kubeconfig))
    assert done.returncode == 0, done.stdout + done.stderr
    (plan,) = json.loads(done.stdout)
    assert {(one["action"], one["refusal"]) for one in plan["objects"]} == {("create", None)}


def test_cluster_dry_run_is_checked_by_the_server_and_writes_nothing(cluster: KubernetesApi, observe: Run) -> None:
    arguments = ("publish", "-i", str(SHOP), "--to", "cluster", "--dry-run")
    done = observe(*arguments, KUBECONFIG=str(cluster.kubeconfig))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "dry run, nothing was written" in done.stderr
    assert versions(cluster) == {}


def test_grafana_takes_every_dashboard_and_only_what_changed_is_saved_again(
    grafana: GrafanaServer, inventory: Path, observe: Run
) -> None:
    token = grafana.token("Admin")

    def publish() -> list[dict[str, Any]]:
        return published(observe, inventory, "grafana", GRAFANA_URL=grafana.url, GRAFANA_TOKEN=token)

    assert [one["result"] for one in publish()] == ["created"] * 28
    assert len(grafana.dashboards()) == 28
    assert {board["folderTitle"] for board in grafana.dashboards()} == {"Shop service mesh"}
    assert {one["result"] for one in publish()} == {"unchanged"}

    services = inventory / "services.yaml"
    services.write_text(services.read_text().replace("description: Customers' reviews", "description: Reviews"))
    changed = [one["name"] for one in publish() if one["result"] != "unchanged"]
    assert changed == [service_uid("shop", "catalog", "review-service")]
    saved = grafana.request("GET", f"/api/dashboards/uid/{changed[0]}").json()
    assert saved["dashboard"]["version"] == 2


def test_both_planes_at_once_and_a_wrong_token_for_one_is_partly_published(
    cluster: KubernetesApi, grafana: GrafanaServer, observe: Run
) -> None:
    environment = {"KUBECONFIG": str(cluster.kubeconfig), "GRAFANA_URL": grafana.url}
    done = observe("publish", "-i", str(SHOP), **environment, GRAFANA_TOKEN="wrong")
    assert done.returncode == 4
    assert "GRAFANA_TOKEN" in done.stderr
    assert grafana.dashboards() == []
    done = observe("publish", "-i", str(SHOP), **environment, GRAFANA_TOKEN=grafana.token("Editor"))
    assert done.returncode == 0, done.stderr
    assert len(grafana.dashboards()) == 28


def manifests(pack: Pack, folder: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (artifact.path, yaml.load(artifact.content, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
        for artifact in pack.artifacts
        if artifact.path.startswith(folder) and artifact.kind is Kind.MANIFEST
    ]


@pytest.fixture(params=["shop", "unusual"])
def pack(request: pytest.FixtureRequest, shop_pack: Pack) -> Pack:
    """The example's pack, and one of everything that the example has not."""
    return shop_pack if request.param == "shop" else build(load(str(UNUSUAL)))


def test_every_rule_file_passes_promtool(pack: Pack, promtool: Promtool, tmp_path: Path) -> None:
    for path, manifest in manifests(pack, "alerts/"):
        file = tmp_path / path.replace("/", "-")
        file.write_text(yaml.safe_dump(manifest["spec"]))
        done = promtool.check_rules(file)
        assert done.returncode == 0, (path, done.stdout, done.stderr)


def queries(board: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for panel in board["panels"]:
        for inner in (panel, *panel.get("panels", ())):
            for target in inner.get("targets", ()):
                yield inner["title"], target["expr"]


def test_every_query_of_every_dashboard_runs(pack: Pack, prometheus_server: PrometheusServer) -> None:
    """Without data there are no results, but a query that does not parse or match is an error."""
    asked = boards = 0
    for artifact in pack.artifacts:
        if artifact.kind is Kind.DASHBOARD:
            boards += 1
            for title, expression in queries(json.loads(artifact.content)):
                filled = expression.replace("$__range", "1h").replace("$namespace", ".*").replace("$baseline", "7d")
                assert "$" not in filled.replace('"$1"', ""), (artifact.path, title, filled)
                prometheus_server.query(filled)
                asked += 1
    assert asked > boards * 10
