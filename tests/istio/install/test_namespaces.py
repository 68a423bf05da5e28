"""Which namespaces Istio takes into the mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from observe.istio.install.namespaces import namespace_labels
from observe.model import Installation, Inventory, Namespace, Outside
from observe.provenance import plain
from tests.samples import a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from tests.servers.kubernetes_api import KubernetesApi


def labels(inventory: Inventory) -> dict[str, dict[str, str]]:
    found = namespace_labels(inventory)
    return {item["metadata"]["name"]: item["metadata"]["labels"] for item in plain(found)["items"]} if found else {}


def inventory(**mesh: Any) -> Inventory:
    services = (
        a_service("a", namespace="shop"),
        a_service("b", namespace="shop", in_mesh=False),
        a_service("c", namespace="legacy", in_mesh=False),
        a_service("d", namespace="machines", in_mesh=False, outside=Outside(host="d.example.com")),
        a_service("e", namespace="bank"),
    )
    return an_inventory(*services, mesh=a_mesh(**mesh))


def test_namespaces_with_a_service_in_the_mesh_are_injected_and_no_others() -> None:
    assert labels(inventory()) == {"bank": {"istio-injection": "enabled"}, "shop": {"istio-injection": "enabled"}}


def test_a_revision_is_named_instead_since_with_both_labels_it_would_not_count() -> None:
    """`mutatingwebhook.yaml`: the revision's webhook passes over namespaces that have `istio-injection`."""
    found = labels(inventory(installation=Installation(revision="stable")))
    assert found == {"bank": {"istio.io/rev": "stable"}, "shop": {"istio.io/rev": "stable"}}


def test_ambient_namespaces_use_their_waypoints() -> None:
    ambient = {"istio.io/dataplane-mode": "ambient"}
    mesh = {"data_plane": "ambient", "waypoints": True, "namespaces": {"bank": Namespace(waypoint=False)}}
    assert labels(inventory(**mesh)) == {"bank": ambient, "shop": {**ambient, "istio.io/use-waypoint": "waypoint"}}


def test_in_a_mesh_of_several_networks_istiods_namespace_says_which_one_it_is() -> None:
    found = labels(inventory(installation=Installation(network="north-1")))
    assert found["istio-system"] == {"topology.istio.io/network": "north-1"}
    both = labels(inventory(installation=Installation(network="north-1"), root_namespace="shop"))
    assert both["shop"] == {"topology.istio.io/network": "north-1", "istio-injection": "enabled"}


def test_a_mesh_of_nobody_labels_nothing() -> None:
    assert namespace_labels(an_inventory(a_service(in_mesh=False))) is None


@pytest.mark.parametrize("data_plane", ["sidecar", "ambient"])
def test_applied_to_a_namespace_they_leave_the_rest_of_it_as_it_is(
    data_plane: str, kubernetes_api: KubernetesApi, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}"
    ours = {"metadata": {"labels": {"team": "shop"}}}
    kubernetes_api.request("PATCH", path, json=ours, headers={"Content-Type": "application/merge-patch+json"})
    mesh = a_mesh(data_plane=data_plane, waypoints=True)
    found = plain(namespace_labels(an_inventory(a_service(namespace=namespace), mesh=mesh)))
    assert found["kind"] == "List"
    (item,) = found["items"]
    done = kubernetes_api.apply(path, item, params={"fieldValidation": "Strict"})
    assert done.ok, done.text
    after = done.json()["metadata"]["labels"]
    assert after == {"kubernetes.io/metadata.name": namespace, "team": "shop", **item["metadata"]["labels"]}
