"""Sidecar: a proxy knows what its service declares, and what proxies need; and takes in what all callers send."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observe.graph import Graph
from observe.istio.traffic.sidecar import sidecar
from observe.model import Breaker, Call, ExternalHost, Inventory, Mesh, Outside, Service
from observe.model.installation import Installation, Tracing
from observe.provenance import leaves, plain
from tests.samples import HTTP, TCP, a_mesh, a_service, an_inventory


def made(inventory: Inventory, service: Service) -> dict[str, Any] | None:
    found = sidecar(inventory, Graph(inventory), service)
    assert found is None or all(leaf.origin for leaf in leaves(found["spec"]))
    manifest: dict[str, Any] | None = plain(found)
    return manifest


def spec(service: Service, *others: Service, mesh: Mesh | None = None) -> dict[str, Any]:
    found = made(an_inventory(service, *others, mesh=mesh), service)
    assert found is not None
    return dict(found["spec"])


def hosts(service: Service, *others: Service, mesh: Mesh | None = None) -> list[str]:
    (listener,) = spec(service, *others, mesh=mesh)["egress"]
    assert listener.keys() == {"hosts"}
    return list(listener["hosts"])


def test_scope_is_what_is_declared_asynchronous_calls_and_hosts_outside_too() -> None:
    caller = a_service(
        calls=(
            Call(service="shop/cart"),
            Call(service="post/mail", asynchronous=True),
            Call(service="shop/cart", port=80),
        ),
        external_hosts=(ExternalHost(host="api.example.com"), ExternalHost(host="api.example.com", port=8443)),
    )
    assert hosts(caller, a_service("cart"), a_service("mail", namespace="post"), a_service("other")) == [
        "./api.example.com",
        "istio-system/*",
        "post/mail.post.svc.cluster.local",
        "shop/cart.shop.svc.cluster.local",
    ]


def test_service_that_calls_nobody_knows_the_root_namespace_only() -> None:
    assert hosts(a_service(), mesh=a_mesh(root_namespace="mesh-root")) == ["mesh-root/*"]


def test_service_outside_is_known_by_the_host_that_is_dialled() -> None:
    outside = a_service("ledger", namespace="vm", in_mesh=False, outside=Outside(host="ledger.example.com"))
    assert "vm/ledger.example.com" in hosts(a_service(calls=(Call(service="vm/ledger"),)), outside)


def test_host_of_the_cluster_that_is_in_no_inventory_is_known_in_its_namespace() -> None:
    external = (ExternalHost(host="kubernetes.default.svc.cluster.local"),)
    assert "default/kubernetes.default.svc.cluster.local" in hosts(a_service(external_hosts=external))


@pytest.mark.parametrize(
    ("collector", "expected"),
    [
        (
            "otel.observability.svc.cluster.local",
            ["istio-system/*", "observability/otel.observability.svc.cluster.local"],
        ),
        ("spans.example.com", ["*/spans.example.com", "istio-system/*"]),
        # Istio warns about a host that a wildcard of its namespace covers.
        ("jaeger.istio-system.svc.cluster.local", ["istio-system/*"]),
    ],
)
def test_proxies_can_reach_where_their_spans_go(collector: str, expected: list[str]) -> None:
    mesh = a_mesh(installation=Installation(tracing=Tracing(service=collector)))
    assert hosts(a_service(), mesh=mesh) == expected


@given(st.lists(st.sampled_from("abcde"), unique=True), st.sampled_from(("istio-system", "shop")))
def test_every_callee_is_known_and_none_twice(callees: list[str], namespace: str) -> None:
    services = [a_service(name, namespace=namespace) for name in "abcde"]
    caller = a_service(calls=tuple(Call(service=f"{namespace}/{name}") for name in callees))
    found = hosts(caller, *services)
    wanted = {f"{namespace}/{name}.{namespace}.svc.cluster.local" for name in callees}
    assert len(set(found)) == len(found)
    assert wanted <= set(found) or namespace == "istio-system"
    assert set(found) - wanted == {"istio-system/*"}


def test_workload_is_selected_by_the_services_labels_and_the_mesh_decides_about_the_rest() -> None:
    found = spec(a_service(labels={"app": "checkout", "part": "api"}))
    assert found["workloadSelector"] == {"labels": {"app": "checkout", "part": "api"}}
    assert "outboundTrafficPolicy" not in found


def test_limits_of_one_caller_do_not_throttle_all_of_them() -> None:
    """Three pods call, and one of the two pods is left when the other is ejected."""
    own = Breaker(max_connections=11, max_pending_requests=12, max_requests=13)
    found = spec(a_service(replicas=2, breaker=own), a_service("cart", calls=(Call(service="shop/checkout"),)))
    assert found["inboundConnectionPool"] == {
        "tcp": {"maxConnections": 33},
        "http": {"http1MaxPendingRequests": 36, "http2MaxRequests": 39},
    }


def test_tcp_service_has_no_request_limits() -> None:
    assert spec(a_service(ports=(TCP,)))["inboundConnectionPool"].keys() == {"tcp"}


def test_services_with_the_same_pods_share_a_sidecar_that_covers_both() -> None:
    """Two for one workload conflict (IST0110)."""
    labels = {"app": "web"}
    api = a_service("api", labels=labels, calls=(Call(service="shop/cart"),), ports=(HTTP,))
    admin = a_service(
        "admin",
        labels=labels,
        calls=(Call(service="shop/audit"),),
        ports=(TCP,),
        breaker=Breaker(max_connections=999),
    )
    inventory = an_inventory(api, admin, a_service("cart"), a_service("audit"))
    assert made(inventory, api) is None
    found = made(inventory, admin)
    assert found is not None
    assert found["spec"]["egress"][0]["hosts"] == [
        "istio-system/*",
        "shop/audit.shop.svc.cluster.local",
        "shop/cart.shop.svc.cluster.local",
    ]
    assert found["spec"]["inboundConnectionPool"]["tcp"] == {"maxConnections": 999}
    assert found["spec"]["inboundConnectionPool"]["http"]["http2MaxRequests"] == 256


def test_same_labels_in_another_namespace_are_other_pods() -> None:
    labels = {"app": "web"}
    one, other = a_service("a", labels=labels), a_service("b", namespace="web", labels=labels)
    inventory = an_inventory(one, other)
    assert made(inventory, one) is not None
    assert made(inventory, other) is not None


@pytest.mark.parametrize(
    ("service", "mesh"),
    [
        (a_service(in_mesh=False), a_mesh()),
        (a_service(in_mesh=False, outside=Outside(host="vm.example.com")), a_mesh()),
        (a_service(), a_mesh(data_plane="ambient")),
        (a_service(), a_mesh(egress_scope="off")),
    ],
    ids=["no proxy", "outside", "ambient", "scope off"],
)
def test_none_where_there_is_no_proxy_to_scope(service: Service, mesh: Mesh) -> None:
    assert made(an_inventory(service, mesh=mesh), service) is None
