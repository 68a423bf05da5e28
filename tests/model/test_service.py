"""What follows from a service's declaration."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from observe.model import Endpoint, Inventory, Mesh, Outside, Port, Position, Service, Version
from observe.model.service import DEFAULTABLE
from observe.model.workload import distinct_ports
from tests.samples import GRPC, HTTP, TCP, a_mesh, a_service, an_inventory


def test_a_service_is_known_by_namespace_and_name() -> None:
    assert a_service("cart", namespace="web").id == "web/cart"


def test_the_container_s_port_is_the_service_s_unless_it_says_otherwise() -> None:
    assert (HTTP.container_port, GRPC.container_port) == (8080, 9000)


def test_pods_are_selected_by_app_unless_labels_are_given() -> None:
    assert a_service("cart").selector == {"app": "cart"}
    assert a_service("cart", labels={"tier": "web"}).selector == {"tier": "web"}


@pytest.mark.parametrize(
    ("ports", "request_ports", "grpc"),
    [((HTTP,), (HTTP,), False), ((TCP,), (), False), ((GRPC, TCP), (GRPC,), True), ((HTTP, GRPC), (HTTP, GRPC), True)],
)
def test_protocols(ports: tuple[Port, ...], request_ports: tuple[Port, ...], grpc: bool) -> None:
    service = a_service(ports=ports)
    assert (service.request_ports, service.speaks_grpc) == (request_ports, grpc)


@pytest.mark.parametrize(
    ("operation", "title"),
    [({"method": "GET", "path": "/a"}, "GET /a"), ({"grpc": "a.B/C"}, "a.B/C")],
)
def test_an_operation_is_called_as_its_callers_call_it(operation: dict[str, Any], title: str) -> None:
    assert Endpoint(**operation).title == title


@pytest.mark.parametrize("half", [{}, {"method": "GET"}, {"path": "/a"}])
def test_half_an_operation_is_none(half: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^is no operation yet; give both method and path, or grpc alone$"):
        Endpoint(**half)


@pytest.mark.parametrize("also", [{"method": "GET"}, {"path": "/a"}, {"method": "GET", "path": "/a"}])
def test_an_operation_is_of_one_kind(also: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^has grpc together with method or path; write two endpoints$"):
        Endpoint(grpc="a.B/C", **also)


def test_ports_are_told_apart_by_name_and_number() -> None:
    assert distinct_ports((HTTP, GRPC)) == (HTTP, GRPC)
    same_name, same_number = Port(name="http", number=11), Port(name="other", number=80)
    for ports, what in (
        ((HTTP, same_name), "the name http"),
        ((HTTP, same_number), "the number 80"),
        ((HTTP, same_name, same_number), "the name http and the number 80"),
    ):
        with pytest.raises(ValueError, match=f"^has two ports with {what}; give each port its own$"):
            distinct_ports(ports)


def test_defaultable_fields_are_fields() -> None:
    assert set(DEFAULTABLE) < {field.name for field in fields(Service)}


def test_values_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        a_service().replicas = 11  # type: ignore[misc]


@pytest.mark.parametrize(("version", "minor"), [("1.30", 30), ("1.9.11", 9)])
def test_behaviour_depends_on_the_minor_version(version: str, minor: int) -> None:
    assert a_mesh(istio_version=version).istio_minor == minor


def test_a_mesh_has_the_defaults_of_istio_and_its_usual_companions() -> None:
    mesh = Mesh(name="a", istio_version="1.30", runbook_base_url="https://example.com")
    assert (mesh.trust_domain, mesh.cluster_domain, mesh.root_namespace) == (
        "cluster.local",
        "cluster.local",
        "istio-system",
    )
    assert mesh.ingress.service_account == "istio-ingressgateway-service-account"
    assert mesh.prometheus.rule_labels == {"release": "kube-prometheus-stack"}
    assert (mesh.data_plane, mesh.grafana.url) == ("sidecar", None)


def test_services_are_found_by_id_and_those_with_a_proxy_apart() -> None:
    inventory = an_inventory(a_service("b"), a_service("a", in_mesh=False))
    assert list(inventory.by_id) == ["shop/a", "shop/b"]
    assert [service.name for service in inventory.in_mesh] == ["b"]


def test_services_are_found_by_namespace_and_by_the_pods_they_stand_for() -> None:
    one, same = a_service("a", labels={"app": "web", "lane": "x"}), a_service("b", labels={"lane": "x", "app": "web"})
    elsewhere, without = (
        a_service("c", namespace="web", labels=one.labels),
        a_service("d", labels=one.labels, in_mesh=False),
    )
    inventory = an_inventory(one, same, elsewhere, without)
    assert inventory.by_namespace == {"shop": (one, same, without), "web": (elsewhere,)}
    pods = frozenset({("app", "web"), ("lane", "x")})
    assert inventory.by_pods == {("shop", pods): (one, same), ("web", pods): (elsewhere,)}


def test_labels_select_nothing_outside_the_cluster() -> None:
    outside, versions = Outside(host="vm.example.com"), (Version(name="v1", weight=100),)
    with pytest.raises(ValueError, match="is outside the cluster, where labels select nothing, and has versions"):
        a_service(in_mesh=False, outside=outside, versions=versions)


def test_paths_go_by_the_key_a_service_was_declared_under() -> None:
    service = a_service("cart")
    inventory = Inventory(a_mesh(), (service,), keys={"shop/cart": "shop/cart"})
    assert inventory.path(service, "calls", 0) == ("services", "shop/cart", "calls", 0)
    assert an_inventory(service).path(service) == ("services", "cart")


def test_what_was_not_read_from_files_has_no_place() -> None:
    assert an_inventory(a_service()).locate(("mesh",)) is None


def test_places_are_sorted_as_they_are_read() -> None:
    assert str(Position("f.yaml", 2, 3)) == "f.yaml:2:3"
    assert Position("f", 2, 3) < Position("f", 10, 1) < Position("g", 1, 1)


def test_inventories_of_the_same_content_are_equal_wherever_it_was_read() -> None:
    here = Inventory(
        a_mesh(),
        (a_service(),),
        locate=lambda path: Position("here", 1, len(path)),
        keys={"shop/checkout": "checkout"},
    )
    assert here == an_inventory(a_service())
