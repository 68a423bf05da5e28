"""Subsets that come and go while routes name them, on a real Kubernetes API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from observe.clients.kubernetes import KubernetesClient
from observe.publish.apply import apply
from observe.publish.diff import diff
from observe.publish.plan import plan
from observe.publish.report import Status
from observe.publish.targets import subsets
from observe.publish.targets.cluster import ClusterTarget
from tests.publish.samples import config_map, destination_rule, route_to, versions
from tests.publish.targets.cluster_access import publish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from observe.artifact import Artifact
    from observe.publish.report import Report
    from tests.publish.targets.cluster_access import Counting
    from tests.servers.kubernetes_api import KubernetesApi


class Live:
    """What proxies could read at a moment."""

    def __init__(self, api: KubernetesApi, namespace: str) -> None:
        self._api = api
        self._path = f"/apis/networking.istio.io/v1/namespaces/{namespace}"

    def _spec(self, plural: str) -> Any:
        return self._api.request("GET", f"{self._path}/{plural}/web").json()["spec"]

    @property
    def subsets(self) -> list[str]:
        return [subset["name"] for subset in self._spec("destinationrules").get("subsets", [])]

    @property
    def named(self) -> str:
        subset: str = self._spec("virtualservices")["http"][0]["route"][0]["destination"]["subset"]
        return subset

    def revision(self, plural: str) -> int:
        found = self._api.request("GET", f"{self._path}/{plural}/web").json()
        return int(found["metadata"]["resourceVersion"])


@pytest.fixture
def live(kubernetes_api: KubernetesApi, namespace: str) -> Live:
    return Live(kubernetes_api, namespace)


def seen(target: ClusterTarget, artifacts: Sequence[Artifact], live: Live) -> tuple[Report, list[Any]]:
    """Publish, and look at the live objects whenever proxies are given time."""
    moments: list[Any] = []
    planned = plan(target, artifacts, target.list(artifacts), prune=True)
    return apply(planned, target, settle=lambda: moments.append((live.subsets, live.named))), moments


def test_one_version_instead_of_another_is_there_before_its_route_and_the_other_until_after(
    namespace: str, mesh: str, counting: Counting, target: ClusterTarget, live: Live
) -> None:
    publish(target, [versions(namespace, "v1", "v2", mesh=mesh), route_to(namespace, "v1", mesh=mesh)])
    counting.clear()
    wanted = [versions(namespace, "v2", "v3", mesh=mesh), route_to(namespace, "v3", mesh=mesh)]
    report, moments = seen(target, wanted, live)
    assert report.counts == {Status.DONE: 3}
    assert counting.writes == ["destinationrules", "virtualservices", "destinationrules"]
    assert moments == [(["v2", "v3", "v1"], "v1"), (["v2", "v3", "v1"], "v3")]
    assert (live.subsets, live.named) == (["v2", "v3"], "v3")
    counting.clear()
    assert publish(target, wanted).counts == {Status.UNCHANGED: 2}
    assert "destinationrules/web" not in " ".join(counting.asked), "what did not change is not read"


def test_a_version_more_is_one_write_before_the_route(
    namespace: str, mesh: str, counting: Counting, target: ClusterTarget, live: Live
) -> None:
    publish(target, [versions(namespace, "v1", mesh=mesh), route_to(namespace, "v1", mesh=mesh)])
    counting.clear()
    wanted = [versions(namespace, "v1", "v2", mesh=mesh), route_to(namespace, "v2", mesh=mesh)]
    _, moments = seen(target, wanted, live)
    assert moments == [(["v1", "v2"], "v1")]
    assert counting.writes == ["destinationrules", "virtualservices"]
    assert live.revision("destinationrules") < live.revision("virtualservices")


def test_the_last_versions_go_after_the_route_that_named_them(
    namespace: str, mesh: str, target: ClusterTarget, live: Live
) -> None:
    publish(target, [versions(namespace, "v1", "v2", mesh=mesh), route_to(namespace, "v1", mesh=mesh)])
    route = route_to(namespace, "none-of-them", mesh=mesh)
    _, moments = seen(target, [destination_rule(namespace, connections=12, mesh=mesh), route], live)
    assert moments == [(["v1", "v2"], "none-of-them")]
    assert live.subsets == []
    assert live.revision("virtualservices") < live.revision("destinationrules")


def test_another_change_of_a_rule_with_versions_is_one_write_without_a_pause(
    namespace: str, mesh: str, counting: Counting, target: ClusterTarget, live: Live
) -> None:
    route = route_to(namespace, "v1", mesh=mesh)
    publish(target, [versions(namespace, "v1", mesh=mesh), route])
    counting.clear()
    report, moments = seen(target, [versions(namespace, "v1", connections=12, mesh=mesh), route], live)
    assert report.counts == {Status.DONE: 1, Status.UNCHANGED: 1}
    assert (moments, counting.writes) == ([], ["destinationrules"])


def test_a_rule_without_versions_is_never_read(
    namespace: str, mesh: str, counting: Counting, target: ClusterTarget
) -> None:
    """The listing itself tells that there are none."""
    publish(target, [destination_rule(namespace, mesh=mesh)])
    counting.clear()
    assert publish(target, [destination_rule(namespace, connections=12, mesh=mesh)]).counts == {Status.DONE: 1}
    assert ("GET", "web") not in counting.sent


def test_a_route_that_is_refused_keeps_its_version_until_it_is_mended(
    namespace: str, mesh: str, target: ClusterTarget, live: Live
) -> None:
    publish(target, [versions(namespace, "v1", mesh=mesh), route_to(namespace, "v1", mesh=mesh)])
    rule = versions(namespace, "v2", mesh=mesh)
    broken = publish(target, [rule, route_to(namespace, "v2", mesh=mesh, hots=[])])
    assert [outcome.status for outcome in broken.outcomes] == [Status.DONE, Status.FAILED, Status.SKIPPED]
    assert (live.subsets, live.named) == (["v2", "v1"], "v1")
    mended = publish(target, [rule, route_to(namespace, "v2", mesh=mesh)])
    assert mended.counts == {Status.DONE: 3}
    assert (live.subsets, live.named) == (["v2"], "v2")


def test_what_is_in_between_never_passes_for_the_end(
    namespace: str, mesh: str, target: ClusterTarget, live: Live
) -> None:
    """Neither for the new rule nor for the old one, when the change is taken back after a failure."""
    old = [versions(namespace, "v1", mesh=mesh), route_to(namespace, "v1", mesh=mesh)]
    publish(target, old)
    publish(target, [versions(namespace, "v2", mesh=mesh), route_to(namespace, "v2", mesh=mesh, hots=[])])
    assert live.subsets == ["v2", "v1"]
    publish(target, old)
    assert (live.subsets, live.named) == (["v1"], "v1")


def test_a_dry_run_checks_both_steps_and_stores_neither(
    namespace: str, mesh: str, counting: Counting, target: ClusterTarget, live: Live
) -> None:
    publish(target, [versions(namespace, "v1", mesh=mesh), route_to(namespace, "v1", mesh=mesh)])
    dry = ClusterTarget(KubernetesClient(counting), mesh=mesh, dry_run=True)
    assert publish(dry, [versions(namespace, "v2", mesh=mesh)]).counts[Status.DONE] == 2
    assert live.subsets == ["v1"]


def test_a_diff_shows_the_end_and_not_what_lies_in_between(namespace: str, mesh: str, target: ClusterTarget) -> None:
    publish(target, [versions(namespace, "v1", mesh=mesh)])
    wanted = [versions(namespace, "v2", mesh=mesh)]
    (shown,) = diff(plan(target, wanted, target.list(wanted)), target)
    changed = [line for line in shown.text.splitlines() if line[0] in "+-" and "v" in line]
    assert [line.strip("+- ") for line in changed if "version" in line] == ["version: v1", "version: v2"]


def test_pruning_gives_proxies_time_only_where_there_are_versions(
    namespace: str, mesh: str, target: ClusterTarget
) -> None:
    moments: list[str] = []
    for rule, pauses in ((destination_rule(namespace, mesh=mesh), 0), (versions(namespace, "v1", mesh=mesh), 1)):
        publish(target, [rule, route_to(namespace, "v1", mesh=mesh)])
        apply(plan(target, (), target.list(()), prune=True), target, settle=lambda: moments.append("a pause"))
        assert len(moments) == pauses


def test_subsets_of_a_file_are_read_where_there_may_be_some() -> None:
    assert list(subsets.declared(versions("shop", "v1", "v2"))) == ["v1", "v2"]
    assert subsets.declared(destination_rule("shop")) == {}
    assert subsets.declared(config_map("shop", text="subsets: [v1]\n")) == {}


def test_the_rule_in_between_has_all_of_the_new_one_and_a_hash_of_its_own() -> None:
    new = versions("shop", "v2", connections=12)
    between = subsets.keeping(new, {"v1": {"name": "v1", "labels": {"version": "v1"}}})
    wanted, made = yaml.safe_load(new.content), yaml.safe_load(between.content)
    assert made["spec"].pop("subsets") == [{"name": name, "labels": {"version": name}} for name in ("v2", "v1")]
    del wanted["spec"]["subsets"]
    assert made["spec"] == wanted["spec"]
    assert made["metadata"]["annotations"] == {"observe/content-hash": between.digest}
    assert made["metadata"]["labels"] == wanted["metadata"]["labels"]
    assert between.digest != new.digest
    assert between.identity == new.identity
