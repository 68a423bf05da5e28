"""Generated names: valid where they are used, distinct for distinct things."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observe import naming
from observe.model import Outside
from tests.samples import a_mesh, a_service

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)


@given(labels, labels, labels)
def test_uid_is_one_that_grafana_and_kubernetes_accept(mesh: str, namespace: str, service: str) -> None:
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", naming.service_uid(mesh[:30], namespace, service))


@given(st.lists(st.tuples(labels, labels), min_size=2, max_size=2, unique=True))
def test_different_services_have_different_names(pair: list[tuple[str, str]]) -> None:
    first, second = pair
    assert naming.service_uid("m", *first) != naming.service_uid("m", *second)
    assert naming.rule_object(*first) != naming.rule_object(*second)
    assert naming.rule_path(*first) != naming.rule_path(*second)
    paths = {naming.service_manifest_path(*one, "VirtualService", one[1]) for one in (first, second)}
    assert len(paths) == 2


@given(labels, labels)
def test_mesh_names_are_never_a_services(mesh: str, service: str) -> None:
    assert naming.mesh_rule_object(mesh) != naming.rule_object(mesh, service)
    assert naming.rule_path(mesh, service) != naming.MESH_RULE_PATH


def test_host_is_the_services_own_or_where_it_is_outside_the_cluster() -> None:
    mesh = a_mesh(cluster_domain="k8s.example.com")
    assert naming.host_of(mesh, a_service("cart")) == "cart.shop.svc.k8s.example.com"
    outside = a_service(in_mesh=False, outside=Outside(host="pay.example.com"))
    assert naming.host_of(mesh, outside) == "pay.example.com"


@pytest.mark.parametrize(
    ("host", "namespace"),
    [
        ("cart.shop.svc.cluster.local", "shop"),
        ("cart-0.cart.shop.svc.cluster.local", None),
        ("cart.shop.svc.example.com", None),
        ("svc.cluster.local", None),
        ("api.example.com", None),
        ("localhost", None),
    ],
)
def test_namespace_is_told_by_a_host_of_the_cluster(host: str, namespace: str | None) -> None:
    assert naming.namespace_of(a_mesh(), host) == namespace


def test_two_meshes_on_one_grafana_do_not_meet() -> None:
    assert naming.overview_uid("east") != naming.overview_uid("west")


def test_hash_tag_is_read_back() -> None:
    assert naming.hash_of_tags(["observe", naming.hash_tag("0123abcd")]) == "0123abcd"
    assert naming.hash_of_tags(["observe"]) is None


def test_panel_id_depends_on_its_key_alone() -> None:
    assert naming.panel_id("error-ratio-5m") == naming.panel_id("error-ratio-5m") != naming.panel_id("error-ratio-2m")


def test_manifest_file_is_named_as_the_kind_is_spoken() -> None:
    own = naming.service_manifest_path("shop", "cart", "PeerAuthentication", "cart")
    assert own == "istio/shop/cart/peer-authentication.yaml"
    fault = naming.service_manifest_path("shop", "cart", "EnvoyFilter", "cart-fault-slow")
    assert fault == "istio/shop/cart/envoy-filter-fault-slow.yaml"
    whole = naming.namespace_manifest_path("shop", "ServiceEntry", "api.example.com")
    assert whole == "istio/shop/service-entry-api.example.com.yaml"


@given(labels, labels, st.lists(labels, min_size=1, max_size=4).map(".".join))
def test_routes_of_a_gateway_are_no_service_s_and_fit_into_a_file_s_name(gateway: str, service: str, host: str) -> None:
    name = naming.gateway_route(gateway, host)
    assert name != service
    assert re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,198}[a-z0-9])?", name)
    assert len(naming.namespace_manifest_path("shop", "VirtualService", name).rpartition("/")[2]) <= 255
    assert name == naming.gateway_route(gateway, host) != naming.gateway_route(gateway, f"{host}.x")
