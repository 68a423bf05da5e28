"""Publishing to a real Kubernetes API server with Istio's and the Prometheus operator's CRDs."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from observe import errors, naming
from observe.clients.kube_resource import Resource
from observe.clients.kubernetes import KubernetesClient
from observe.publish.apply import apply
from observe.publish.diff import diff
from observe.publish.plan import Action, plan
from observe.publish.report import Status
from observe.publish.target import Key
from observe.publish.targets.cluster import ClusterTarget
from observe.publish.targets.kinds import KINDS
from tests.publish.samples import (
    NETWORKING,
    config_map,
    destination_rule,
    every_kind,
    manifest,
    peer_authentication,
    virtual_service,
)
from tests.publish.targets.cluster_access import (
    VIRTUAL_SERVICES,
    Counting,
    in_order,
    live,
    pack,
    publish,
    reasons,
    revisions,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.servers.kubernetes_api import KubernetesApi


def test_every_kind_is_created_in_the_order_that_never_breaks_a_route(
    kubernetes_api: KubernetesApi, namespace: str, mesh: str, counting: Counting, target: ClusterTarget
) -> None:
    """Strictly validated by the server: also the samples of other tests are what they seem."""
    wanted = every_kind(namespace, mesh=mesh)
    assert publish(target, wanted).counts == {Status.DONE: len(wanted)}
    assert [method for method, _ in counting.sent].count("PATCH") == len(wanted)
    istio, security, gateways = "networking.istio.io", "security.istio.io", "gateway.networking.k8s.io"
    phases = [
        {
            "ConfigMap  limits", "Telemetry telemetry.istio.io web", "Certificate cert-manager.io edge",
            "PrometheusRule monitoring.coreos.com web",
        },
        {f"AuthorizationPolicy {security} web"},
        {f"PeerAuthentication {security} web"},
        {f"DestinationRule {istio} web"},
        {f"ServiceEntry {istio} outside"},
        {
            f"Sidecar {istio} web", f"EnvoyFilter {istio} slow", f"Gateway {istio} edge",
            f"Gateway {gateways} waypoint", f"ReferenceGrant {gateways} edge",
        },
        {f"VirtualService {istio} web", f"HTTPRoute {gateways} web"},
        {f"AuthorizationPolicy {security} default-deny", f"PeerAuthentication {security} default"},
    ]  # fmt: skip
    written = iter(in_order(kubernetes_api, namespace))
    assert [{next(written) for _ in phase} for phase in phases] == phases
    assert next(written, None) is None
    assert publish(target, wanted).counts == {Status.UNCHANGED: len(wanted)}


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
    counting.clear()
    assert publish(target, pack(namespace)).counts == {Status.UNCHANGED: 5}
    assert revisions(kubernetes_api, namespace) == before
    assert sorted(counting.sent) == sorted(("GET", kind.plural) for kind in KINDS)


def test_a_change_of_one_touches_only_that_one(
    kubernetes_api: KubernetesApi, namespace: str, mesh: str, counting: Counting, target: ClusterTarget
) -> None:
    publish(target, pack(namespace))
    before = revisions(kubernetes_api, namespace)
    counting.clear()
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
    counting.clear()
    assert publish(target, ()).counts == {Status.STALE: 5}
    assert publish(target, (), prune=True).counts == {Status.DONE: 5}
    assert list(revisions(kubernetes_api, namespace)) == ["VirtualService"]
    assert live(kubernetes_api, namespace, "b") is not None
    planned = [change.key.kind for change in _deletions(target, namespace)]
    assert planned == [
        "VirtualService", "DestinationRule", "PeerAuthentication", "AuthorizationPolicy", "PrometheusRule",
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
    counting.clear()
    found = client.list_metadata(Resource(NETWORKING, "VirtualService"), namespace=namespace, page_size=2)
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


def test_a_text_of_several_lines_differs_line_by_line(namespace: str, mesh: str, target: ClusterTarget) -> None:
    publish(target, [config_map(namespace, text="domain: edge\ndescriptors: []\n", mesh=mesh)])
    wanted = [config_map(namespace, text="domain: edge\ndescriptors: [11]\n", mesh=mesh)]
    (updated,) = diff(plan(target, wanted, target.list(wanted)), target)
    changed = [line for line in updated.text.splitlines() if line[0] in "+-"]
    assert "-    descriptors: []" in changed
    assert "+    descriptors: [11]" in changed
    assert not any("domain" in line for line in changed)


def test_a_cluster_full_of_config_maps_is_not_listed_for_one(
    kubernetes_api: KubernetesApi, namespace: str, mesh: str, counting: Counting, target: ClusterTarget
) -> None:
    """Who owns the one of that name is known all the same, and what is left of ours elsewhere."""
    elsewhere = f"{namespace}-b"
    kubernetes_api.create_namespace(elsewhere)
    publish(target, [config_map(elsewhere, "old", mesh=mesh)])
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "limits"}, "data": {"a": "b"}}
    kubernetes_api.apply(f"/api/v1/namespaces/{namespace}/configmaps/limits", theirs).raise_for_status()
    counting.clear()
    report = publish(target, [config_map(namespace, mesh=mesh), config_map(namespace, "ours", mesh=mesh)], prune=True)
    assert [(one.change.key.name, one.status.value) for one in report.outcomes] == [
        ("limits", "refused"), ("ours", "done"), ("old", "done"),
    ]  # fmt: skip
    lists = [asked for asked in counting.asked if asked.startswith("GET /api/v1/")]
    assert sorted(lists) == [
        "GET /api/v1/configmaps limit labelSelector",
        f"GET /api/v1/namespaces/{namespace}/configmaps limit",
    ]


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
