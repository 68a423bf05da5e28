"""Generated names: valid where they are used, distinct for distinct things."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observe import naming
from observe.model import Gateway, Ingress, Outside
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
    parts: tuple[naming.MeshRules, ...] = ("records", "alerts")
    for part in parts:
        assert naming.mesh_rule_object(mesh, part) != naming.rule_object(mesh, service)
        assert naming.mesh_rule_path(part) != naming.rule_path(mesh, service)


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


def a_gateway(**changes: Any) -> Gateway:
    return Gateway(**{"hosts": ("a.example.com",), "secret": "tls", **changes})


@pytest.mark.parametrize(
    ("mesh", "names", "ingress"),
    [
        pytest.param({}, {}, "istio-ingressgateway", id="none"),
        pytest.param({"a": {}}, {"a": "istio-ingressgateway"}, "istio-ingressgateway", id="istioctl's"),
        pytest.param(
            {"a": {"service_account": "web"}}, {"a": "web"}, "istio-ingressgateway", id="a release of the chart"
        ),
        pytest.param(
            {"a": {}, "b": {"labels": {"istio": "b"}}},
            {"a": "istio-ingressgateway", "b": "istio-ingressgateway-b"},
            "istio-ingressgateway",
            id="a shared account",
        ),
        pytest.param(
            {
                "a": {"service_account": "web"},
                "b": {"service_account": "web-service-account", "labels": {"istio": "b"}},
            },
            {"a": "web", "b": "web-b"},
            "istio-ingressgateway",
            id="accounts that give the same name",
        ),
        pytest.param(
            {"a": {}, "b": {"hosts": ("b.example.com",)}},
            {"a": "istio-ingressgateway", "b": "istio-ingressgateway"},
            "istio-ingressgateway",
            id="the same pods",
        ),
    ],
)
def test_gateways_are_called_as_the_installers_call_them(
    mesh: dict[str, dict[str, Any]], names: dict[str, str], ingress: str
) -> None:
    made = a_mesh(gateways={key: a_gateway(**changes) for key, changes in mesh.items()})
    assert naming.gateway_deployments(made) == names
    assert naming.ingress_deployment(made) == ingress
    assert naming.gateway_workloads(made) == tuple(sorted({"istio-ingressgateway", *names.values()}))


def test_istiod_calls_gateways_after_the_gateway_and_its_class() -> None:
    """Whatever account they are given; so also the one that is declared under `ingress` by its account."""
    ingress = Ingress(namespace="istio-system", service_account="edge")
    mesh = a_mesh(routing="gateway-api", gateways={"web": a_gateway(service_account="edge")}, ingress=ingress)
    assert naming.gateway_deployments(mesh) == {"web": "web-istio"}
    assert naming.ingress_deployment(mesh) == "web-istio"
    assert naming.gateway_workloads(mesh) == ("istio-ingressgateway", "web-istio")


def test_an_ingress_that_is_no_declared_gateway_is_one_of_the_gateways() -> None:
    mesh = a_mesh(gateways={"web": a_gateway()}, ingress=Ingress(namespace="edge", service_account="front"))
    assert naming.gateway_workloads(mesh) == ("front", "istio-ingressgateway")
