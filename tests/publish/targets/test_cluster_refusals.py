"""What a real Kubernetes API server refuses, and what users are told about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from observe import errors, naming
from observe.clients.backoff import Pace
from observe.clients.kube_login import connect
from observe.clients.kube_resource import Resource
from observe.clients.kubernetes import KubernetesClient
from observe.publish.report import Status
from observe.publish.targets import kinds
from observe.publish.targets.cluster import ClusterTarget
from tests.publish.samples import (
    NETWORKING,
    authorization_policy,
    destination_rule,
    manifest,
    peer_authentication,
    prometheus_rule,
    virtual_service,
)
from tests.publish.targets.cluster_access import VIRTUAL_SERVICES, Counting, live, publish, reasons

if TYPE_CHECKING:
    from pathlib import Path

    from observe.publish.report import Report
    from tests.servers.kubernetes_api import KubernetesApi


REJECTED = [
    pytest.param(
        {"hots": ["web"]},
        "failed to create typed patch object ({namespace}/web; networking.istio.io/v1, Kind=VirtualService):"
        " .spec.hots: field not declared in schema",
        id="unknown field",
    ),
    pytest.param(
        {"exportTo": "all"},
        "failed to create typed patch object ({namespace}/web; networking.istio.io/v1, Kind=VirtualService):"
        " .spec.exportTo: expected list, got &{{all}}",
        id="wrong type",
    ),
]


@pytest.mark.parametrize(("more", "message"), REJECTED)
def test_what_the_schema_refuses_is_told_field_by_field_and_not_tried_again(
    more: dict[str, Any], message: str, namespace: str, mesh: str, target: ClusterTarget, counting: Counting
) -> None:
    report = publish(target, [virtual_service(namespace, mesh=mesh, **more)])
    assert report.exit_code == errors.EXIT_TARGET
    assert reasons(report) == [f"apply VirtualService {namespace}/web: " + message.format(namespace=namespace)]
    assert type(report.outcomes[0].error) is errors.Rejected
    assert [method for method, _ in counting.sent].count("PATCH") == 1


def test_a_value_out_of_bounds_is_told(namespace: str, mesh: str, target: ClusterTarget) -> None:
    spec = {"host": "web", "trafficPolicy": {"loadBalancer": {"simple": "BEST"}}}
    report = publish(target, [manifest("DestinationRule", NETWORKING, namespace, "web", spec, mesh=mesh)])
    (reason,) = reasons(report)
    assert reason.startswith(f'apply DestinationRule {namespace}/web: DestinationRule.networking.istio.io "web" is')
    assert 'spec.trafficPolicy.loadBalancer.simple: Unsupported value: "BEST"' in reason


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        pytest.param({}, "it is there and was not published by us", id="nobody's"),
        pytest.param({naming.LABEL_MANAGED_BY: "Helm"}, "it is managed by Helm", id="Helm's"),
        pytest.param(naming.labels("bank"), "it belongs to the pack 'bank'", id="another pack's"),
    ],
)
def test_a_foreign_object_of_the_same_name_is_left_alone(
    labels: dict[str, str], reason: str, kubernetes_api: KubernetesApi, namespace: str, mesh: str,
    target: ClusterTarget,
) -> None:  # fmt: skip
    spec = {"hosts": ["theirs"], "http": [{"route": [{"destination": {"host": "theirs"}}]}]}
    metadata = {"name": "web", "namespace": namespace, "labels": labels}
    theirs = {"apiVersion": NETWORKING, "kind": "VirtualService", "metadata": metadata, "spec": spec}
    kubernetes_api.apply(f"{VIRTUAL_SERVICES.format(namespace)}/web", theirs).raise_for_status()
    report = publish(target, [virtual_service(namespace, mesh=mesh)], prune=True)
    assert reasons(report) == [reason]
    assert report.exit_code == errors.EXIT_TARGET
    assert live(kubernetes_api, namespace)["spec"]["hosts"] == ["theirs"]


def test_a_field_that_somebody_else_has_set_needs_force(
    kubernetes_api: KubernetesApi, namespace: str, mesh: str, counting: Counting, target: ClusterTarget
) -> None:
    publish(target, [destination_rule(namespace, mesh=mesh)])
    limits = {"connectionPool": {"tcp": {"maxConnections": 99}}}
    spec = {"trafficPolicy": limits}
    theirs = {
        "apiVersion": NETWORKING,
        "kind": "DestinationRule",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": spec,
    }
    path = f"/apis/networking.istio.io/v1/namespaces/{namespace}/destinationrules/web"
    kubernetes_api.apply(path, theirs, params={"force": "true", "fieldManager": "oncall"}).raise_for_status()
    wanted = [destination_rule(namespace, connections=12, mesh=mesh)]
    report = publish(target, wanted)
    assert reasons(report) == [
        (
            f"apply DestinationRule {namespace}/web: others own fields of it:"
            ' .spec.trafficPolicy.connectionPool.tcp.maxConnections (conflict with "oncall");'
            " take them over with --force-conflicts, or leave them out there"
        )
    ]
    assert isinstance(report.outcomes[0].error, errors.Conflict)
    forcing = ClusterTarget(KubernetesClient(counting), mesh=mesh, force_conflicts=True)
    assert publish(forcing, wanted).exit_code == errors.EXIT_OK
    found = kubernetes_api.request("GET", path).json()
    assert found["spec"]["trafficPolicy"]["connectionPool"]["tcp"]["maxConnections"] == 12


def test_a_missing_namespace_is_named_with_the_way_out(target: ClusterTarget, mesh: str) -> None:
    report = publish(target, [virtual_service("nowhere", mesh=mesh)])
    assert reasons(report) == [
        (
            "namespace nowhere does not exist: create it and label it, such as by `kubectl create namespace nowhere`"
            " and `kubectl label namespace nowhere istio-injection=enabled`"
        )
    ]
    assert report.exit_code == errors.EXIT_TARGET


MISSING = [
    pytest.param("Wasm", "extensions.istio.io/v9", "wasms.extensions.istio.io", "install Istio's CRDs", id="Istio"),
    pytest.param(
        "HTTPRoute", "gateway.networking.k8s.io/v9", "httproutes.gateway.networking.k8s.io",
        "install the CRDs of the Kubernetes Gateway API, or do without: mesh.routing: istio, and no waypoints",
        id="Gateway API",
    ),
    pytest.param(
        "Certificate", "cert-manager.io/v9", "certificates.cert-manager.io",
        "install cert-manager, or leave the gateway's issuer away and fill its Secret by other means",
        id="cert-manager",
    ),
    pytest.param(
        "Order", "acme.cert-manager.io/v1", "orders.acme.cert-manager.io",
        "install cert-manager, or leave the gateway's issuer away and fill its Secret by other means",
        id="a whole group",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "api", "crd", "way_out"), MISSING)
def test_a_missing_crd_is_named_with_the_way_out(
    kind: str, api: str, crd: str, way_out: str, namespace: str, mesh: str, target: ClusterTarget
) -> None:
    """In a version that no server has, or in a group that this one does not have: the server says the same of both."""
    report = publish(target, [manifest(kind, api, namespace, "web", {}, mesh=mesh)])
    assert reasons(report) == [f"the cluster does not know {kind} {api} ({crd}): {way_out}"]
    assert report.exit_code == errors.EXIT_TARGET


def results(report: Report) -> dict[str, str]:
    return {outcome.change.key.kind: outcome.status.value for outcome in report.outcomes}


def test_without_a_kind_that_nothing_builds_on_all_else_is_published(
    namespace: str, mesh: str, target: ClusterTarget
) -> None:
    publish(target, [peer_authentication(namespace, mesh=mesh)])
    certificate = manifest("Certificate", "cert-manager.io/v9", namespace, "edge", {}, mesh=mesh)
    wanted = [virtual_service(namespace, mesh=mesh), prometheus_rule(namespace, mesh=mesh), certificate]
    report = publish(target, wanted, prune=True)
    assert results(report) == {
        "Certificate": "failed", "PrometheusRule": "done", "VirtualService": "done", "PeerAuthentication": "done",
    }  # fmt: skip
    assert report.exit_code == errors.EXIT_PARTLY


def test_without_a_kind_of_routes_the_old_routes_stay(
    kubernetes_api: KubernetesApi, namespace: str, mesh: str, target: ClusterTarget
) -> None:
    """A mesh that goes over to the Gateway API, on a cluster that does not have it."""
    publish(target, [virtual_service(namespace, mesh=mesh)])
    route = manifest("HTTPRoute", "gateway.networking.k8s.io/v9", namespace, "web", {}, mesh=mesh)
    deny = authorization_policy(namespace, "default-deny", mesh=mesh)
    wanted = [route, deny, destination_rule(namespace, mesh=mesh), prometheus_rule(namespace, mesh=mesh)]
    assert results(publish(target, wanted, prune=True)) == {
        "PrometheusRule": "done", "DestinationRule": "done", "HTTPRoute": "failed",
        "AuthorizationPolicy": "skipped", "VirtualService": "skipped",
    }  # fmt: skip
    assert live(kubernetes_api, namespace) is not None


def test_a_kind_that_neither_server_nor_pack_has_is_no_news(
    namespace: str, mesh: str, target: ClusterTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = (Resource("cert-manager.io/v9", "Certificate"), Resource("gateway.networking.k8s.io/v9", "HTTPRoute"))
    monkeypatch.setattr(kinds, "KINDS", (*absent, *kinds.KINDS[:1]))
    assert publish(target, [virtual_service(namespace, mesh=mesh)], prune=True).counts == {Status.DONE: 1}
    assert target.owned() == {}


def rights(*verbs: str) -> list[dict[str, list[str]]]:
    return [{"apiGroups": ["networking.istio.io"], "resources": ["virtualservices"], "verbs": list(verbs)}]


def test_who_may_only_read_is_told_what_is_missing(kubernetes_api: KubernetesApi, namespace: str, mesh: str) -> None:
    user = kubernetes_api.user("reader", rights("get", "list"))
    reader = ClusterTarget(KubernetesClient(connect({"KUBECONFIG": str(user.kubeconfig)})), mesh=mesh)
    report = publish(reader, [virtual_service(namespace, mesh=mesh)])
    assert isinstance(report.outcomes[0].error, errors.Forbidden)
    assert reasons(report) == [
        (
            f'apply VirtualService {namespace}/web: virtualservices.networking.istio.io "web" is forbidden: User'
            ' "reader" cannot patch resource "virtualservices" in API group "networking.istio.io" in the namespace'
            f' "{namespace}" (ask for a Role that allows this, or choose another context)'
        )
    ]


def test_who_has_rights_in_one_namespace_alone_can_publish_there(
    kubernetes_api: KubernetesApi, namespace: str, mesh: str
) -> None:
    user = kubernetes_api.user("writer", rights("get", "list", "patch", "create", "delete"), namespace)
    counting = Counting(user.kubeconfig)
    writer = ClusterTarget(KubernetesClient(counting), mesh=mesh)
    wanted = [virtual_service(namespace, name, mesh=mesh) for name in ("a", "b")]
    assert publish(writer, wanted).counts == {Status.DONE: 2}
    assert publish(writer, wanted).counts == {Status.UNCHANGED: 2}
    assert publish(writer, wanted[:1], prune=True).counts == {Status.UNCHANGED: 1, Status.DONE: 1}


def test_who_may_do_nothing_is_told_at_the_listing(kubernetes_api: KubernetesApi, namespace: str, mesh: str) -> None:
    user = kubernetes_api.user("stranger", [])
    stranger = ClusterTarget(KubernetesClient(connect({"KUBECONFIG": str(user.kubeconfig)})), mesh=mesh)
    with pytest.raises(errors.Forbidden) as caught:
        stranger.list([virtual_service(namespace, mesh=mesh)])
    assert str(caught.value).startswith(f"list virtualservices in namespace {namespace}: ")
    assert 'User "stranger" cannot list resource "virtualservices"' in str(caught.value)


def test_a_wrong_token_is_told(kubernetes_api: KubernetesApi, tmp_path: Path, mesh: str) -> None:
    wrong = tmp_path / "kubeconfig"
    wrong.write_text(kubernetes_api.kubeconfig.read_text().replace(kubernetes_api.token, "wrong"))
    target = ClusterTarget(KubernetesClient(connect({"KUBECONFIG": str(wrong)})), mesh=mesh)
    with pytest.raises(errors.Unauthorized) as caught:
        target.list(())
    assert str(caught.value) == (
        f"the cluster at {kubernetes_api.url} does not accept the credential (Unauthorized):"
        " log in again, or choose another context"
    )


def test_a_certificate_that_nobody_vouches_for_is_told_at_once(
    kubernetes_api: KubernetesApi, tmp_path: Path, mesh: str
) -> None:
    config = yaml.safe_load(kubernetes_api.kubeconfig.read_text())
    del config["clusters"][0]["cluster"]["certificate-authority"]
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    transport = connect({"KUBECONFIG": str(tmp_path / "kubeconfig")}, pace=Pace(first=3600))
    with pytest.raises(errors.Unreachable, match="certificate verify failed"):
        ClusterTarget(KubernetesClient(transport), mesh=mesh).list(())
