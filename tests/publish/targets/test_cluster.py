"""Publishing to a real Kubernetes API server with Istio's and the Prometheus operator's CRDs."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from observe import errors, naming
from observe.clients.kubernetes import KubernetesClient
from observe.publish.apply import Status, apply
from observe.publish.diff import diff
from observe.publish.plan import Action, plan
from observe.publish.target import Key
from observe.publish.targets.cluster import KINDS, ClusterTarget
from tests.publish.samples import (
    NETWORKING,
    destination_rule,
    manifest,
    peer_authentication,
    virtual_service,
)
from tests.publish.targets.cluster_access import VIRTUAL_SERVICES, Counting, live, pack, publish, reasons, revisions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.servers.kubernetes_api import KubernetesApi


def test_every_kind_is_created_in_the_order_that_never_breaks_a_route(
    kubernetes_api: KubernetesApi, namespace: str, counting: Counting, target: ClusterTarget
) -> None:
    assert publish(target, pack(namespace)).counts == {Status.DONE: 5}
    written = [key.kind for key in map(target.key, pack(namespace))]
    assert sorted(revisions(kubernetes_api, namespace)) == sorted(written)
    assert [method for method, _ in counting.sent].count("PATCH") == 5
    created = revisions(kubernetes_api, namespace)
    in_order = sorted(created, key=lambda kind: int(created[kind]))
    assert in_order == [
        "PeerAuthentication", "DestinationRule", "VirtualService", "AuthorizationPolicy", "PrometheusRule",
    ]  # fmt: skip


def test_what_is_stored_is_what_was_made(
    kubernetes_api: KubernetesApi, namespace: str, mesh: str, target: ClusterTarget
) -> None:
    publish(target, [virtual_service(namespace, mesh=mesh)])
    found = live(kubernetes_api, namespace)
    assert found["spec"]["http"][0]["timeout"] == "3s"
    assert found["metadata"]["labels"] == naming.labels(mesh)
    assert [entry["manager"] for entry in found["metadata"]["managedFields"]] == ["observe"]


def test_the_same_again_sends_listings_and_nothing_else(
    kubernetes_api: KubernetesApi, namespace: str, counting: Counting, target: ClusterTarget
) -> None:
    publish(target, pack(namespace))
    before = revisions(kubernetes_api, namespace)
    counting.sent.clear()
    assert publish(target, pack(namespace)).counts == {Status.UNCHANGED: 5}
    assert revisions(kubernetes_api, namespace) == before
    assert [method for method, _ in counting.sent] == ["GET"] * len(KINDS)


def test_a_change_of_one_touches_only_that_one(
    kubernetes_api: KubernetesApi, namespace: str, mesh: str, counting: Counting, target: ClusterTarget
) -> None:
    publish(target, pack(namespace))
    before = revisions(kubernetes_api, namespace)
    counting.sent.clear()
    changed = virtual_service(namespace, timeout="5s", mesh=mesh)
    assert publish(target, [changed, *pack(namespace)[1:]]).counts == {Status.DONE: 1, Status.UNCHANGED: 4}
    after = revisions(kubernetes_api, namespace)
    assert {kind for kind in after if after[kind] != before[kind]} == {"VirtualService"}
    assert [method for method, _ in counting.sent].count("PATCH") == 1
    assert live(kubernetes_api, namespace)["spec"]["http"][0]["timeout"] == "5s"


def test_a_field_that_the_pack_no_longer_sets_is_removed(
    kubernetes_api: KubernetesApi, namespace: str, mesh: str, target: ClusterTarget
) -> None:
    publish(target, [virtual_service(namespace, mesh=mesh, exportTo=["."])])
    publish(target, [virtual_service(namespace, mesh=mesh)])
    assert "exportTo" not in live(kubernetes_api, namespace)["spec"]


def test_a_dry_run_checks_everything_and_stores_nothing(
    kubernetes_api: KubernetesApi, namespace: str, mesh: str, counting: Counting, target: ClusterTarget
) -> None:
    publish(target, [peer_authentication(namespace, mesh=mesh)])
    dry = ClusterTarget(KubernetesClient(counting), mesh=mesh, dry_run=True)
    wanted = [virtual_service(namespace, mesh=mesh)]
    assert publish(dry, wanted, prune=True).counts == {Status.DONE: 2}
    assert list(revisions(kubernetes_api, namespace)) == ["PeerAuthentication"]
    assert publish(dry, [virtual_service(namespace, mesh=mesh, hots=[])]).counts[Status.FAILED] == 1


def test_pruning_deletes_ours_alone_in_the_reverse_order(
    kubernetes_api: KubernetesApi, namespace: str, counting: Counting, target: ClusterTarget
) -> None:
    publish(target, pack(namespace))
    other = f"{namespace}-b"
    publish(ClusterTarget(KubernetesClient(counting), mesh=other), [virtual_service(namespace, "b", mesh=other)])
    counting.sent.clear()
    assert publish(target, ()).counts == {Status.STALE: 5}
    assert publish(target, (), prune=True).counts == {Status.DONE: 5}
    assert list(revisions(kubernetes_api, namespace)) == ["VirtualService"]
    assert live(kubernetes_api, namespace, "b") is not None
    planned = [change.key.kind for change in _deletions(target, namespace)]
    assert planned == [
        "PrometheusRule", "AuthorizationPolicy", "VirtualService", "DestinationRule", "PeerAuthentication",
    ]  # fmt: skip


def _deletions(target: ClusterTarget, namespace: str) -> Sequence[Any]:
    publish(target, pack(namespace))
    changes = plan(target, (), target.list(()), prune=True).changes
    return [change for change in changes if change.action is Action.DELETE]


def test_an_object_that_changed_since_it_was_listed_is_not_deleted(
    kubernetes_api: KubernetesApi, namespace: str, mesh: str, target: ClusterTarget
) -> None:
    publish(target, [virtual_service(namespace, mesh=mesh)])
    planned = plan(target, (), target.list(()), prune=True)
    publish(target, [virtual_service(namespace, timeout="5s", mesh=mesh)])
    report = apply(planned, target)
    assert isinstance(report.outcomes[0].error, errors.Conflict)
    assert reasons(report)[0].endswith("(it changed in the meantime: run the same command again)")
    assert live(kubernetes_api, namespace) is not None


def test_what_is_gone_already_counts_as_deleted(
    kubernetes_api: KubernetesApi, namespace: str, mesh: str, target: ClusterTarget
) -> None:
    publish(target, [virtual_service(namespace, mesh=mesh)])
    planned = plan(target, (), target.list(()), prune=True)
    kubernetes_api.request("DELETE", f"{VIRTUAL_SERVICES.format(namespace)}/web").raise_for_status()
    assert apply(planned, target).exit_code == errors.EXIT_OK


def test_a_long_listing_comes_page_by_page(namespace: str, mesh: str, counting: Counting) -> None:
    client = KubernetesClient(counting)
    target = ClusterTarget(client, mesh=mesh)
    publish(target, [virtual_service(namespace, f"web-{number}", mesh=mesh) for number in range(5)])
    counting.sent.clear()
    found = client.list_metadata(KINDS[2], namespace=namespace, page_size=2)
    assert [one.name for one in found] == [f"web-{number}" for number in range(5)]
    assert len(counting.sent) == 3


def test_an_update_differs_from_live_by_what_changes_and_nothing_of_the_servers(
    namespace: str, mesh: str, target: ClusterTarget
) -> None:
    publish(target, [virtual_service(namespace, mesh=mesh)])
    wanted = [virtual_service(namespace, timeout="5s", mesh=mesh), destination_rule(namespace, mesh=mesh)]
    created, updated = diff(plan(target, wanted, target.list(wanted)), target)
    changed = [line for line in updated.text.splitlines() if line[0] in "+-"]
    assert changed[:2] == [f"--- live/VirtualService {namespace}/web", f"+++ pack/VirtualService {namespace}/web"]
    assert changed[-2:] == ["-    timeout: 3s", "+    timeout: 5s"]
    assert len(changed) == 6, "the other two lines are the content hash"
    assert created.text.startswith(f"--- /dev/null\n+++ pack/DestinationRule {namespace}/web\n")
    assert target.read(Key("DestinationRule", namespace, "web", NETWORKING)) is None


def test_a_new_namespace_can_be_shown_before_it_is_there(target: ClusterTarget, mesh: str) -> None:
    wanted = [virtual_service(f"new-{uuid.uuid4().hex[:8]}", mesh=mesh)]
    (created,) = diff(plan(target, wanted, target.list(wanted)), target)
    assert "+kind: VirtualService\n" in created.text


def test_a_pack_in_an_older_version_of_a_kind_is_not_taken_for_left_over(
    namespace: str, mesh: str, target: ClusterTarget
) -> None:
    """The server shows the same object in every version that it serves."""
    spec = {"hosts": ["web"], "http": [{"route": [{"destination": {"host": "web"}}]}]}
    wanted = [manifest("VirtualService", "networking.istio.io/v1beta1", namespace, "web", spec, mesh=mesh)]
    publish(target, wanted)
    assert publish(target, wanted, prune=True).counts == {Status.UNCHANGED: 1}
