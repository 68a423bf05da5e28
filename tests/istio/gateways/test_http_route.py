"""HTTPRoutes: what a VirtualService says of timeouts, in the words of the Gateway API, and within its limits."""

from __future__ import annotations

import re
from typing import Any

import pytest

from observe.graph import Graph
from observe.istio.gateways.exposures import by_host
from observe.istio.gateways.gateway_http_routes import gateway_http_routes, reference_grant
from observe.istio.gateways.http_route import duration, http_routes
from observe.model import Call, Endpoint, Exposure, Gateway, Namespace, Outside, Route, Service, Version
from observe.model.fields import LONGEST_DURATION
from observe.pack import manifests
from observe.provenance import leaves, plain
from tests.samples import GRPC, HTTP, TCP, a_mesh, a_service, an_inventory

HOST = "shop.example.com"
WEB = Gateway(hosts=(HOST, "api.example.com"), secret="tls", namespace="edge")
MESH: dict[str, Any] = {"routing": "gateway-api", "gateways": {"web": WEB}}
STREAM = Endpoint(method="GET", path="/changes", streaming=True)
TEMPLATE = Endpoint(method="GET", path="/orders/{id}", timeout=9_000)


def in_mesh(service: Service, *others: Service, **mesh: Any) -> list[dict[str, Any]]:
    inventory = an_inventory(service, *others, mesh=a_mesh(**{**MESH, **mesh}))
    return [plain(one) for one in http_routes(inventory, Graph(inventory), service)]


def at_gateway(*services: Service, **mesh: Any) -> dict[str, dict[str, Any]]:
    """The specs by name."""
    inventory = an_inventory(*services, mesh=a_mesh(**{**MESH, **mesh}))
    found = [plain(one) for one in gateway_http_routes(inventory, "web", by_host(inventory))]
    return {one["metadata"]["name"]: one["spec"] for one in found}


def at(path: str = "/", **changes: Any) -> Exposure:
    return Exposure(gateway="web", host=HOST, path=path, **changes)


def test_requests_from_inside_have_the_service_s_timeout() -> None:
    (made,) = in_mesh(a_service())
    assert (made["apiVersion"], made["kind"]) == ("gateway.networking.k8s.io/v1", "HTTPRoute")
    assert (made["metadata"]["namespace"], made["metadata"]["name"]) == ("shop", "checkout")
    backend = {"name": "checkout", "namespace": "shop", "port": 80}
    assert made["spec"] == {
        "parentRefs": [{"group": "", "kind": "Service", "name": "checkout"}],
        "rules": [{"timeouts": {"request": "3s"}, "backendRefs": [backend]}],
    }


def test_each_port_with_requests_has_its_own() -> None:
    """An HTTPRoute names a parent once, and its rules are for all of its ports."""
    made = in_mesh(a_service(ports=(HTTP, GRPC, TCP)))
    assert [one["metadata"]["name"] for one in made] == ["checkout-http", "checkout-grpc"]
    assert [one["spec"]["parentRefs"][0]["port"] for one in made] == [80, 9000]
    assert [one["spec"]["rules"][0]["backendRefs"][0]["port"] for one in made] == [80, 9000]


def test_stream_has_no_timeout_and_the_rest_keeps_its_own() -> None:
    (made,) = in_mesh(a_service(endpoints=(STREAM, Endpoint(method="POST", path="/x"))))
    rules = {str(rule.get("matches")): rule["timeouts"]["request"] for rule in made["spec"]["rules"]}
    assert rules[str([{"path": {"type": "Exact", "value": "/changes"}, "method": "GET"}])] == "0s"
    assert rules["None"] == "3s"


def test_everything_else_is_an_expression_too_where_there_is_a_template() -> None:
    """Istio tries a prefix before any expression, so with `/` no template would ever be met."""
    (made,) = in_mesh(a_service(endpoints=(TEMPLATE,)))
    paths = [rule["matches"][0]["path"] for rule in made["spec"]["rules"]]
    assert paths == [
        {"type": "RegularExpression", "value": "/orders/[^/]+"},
        {"type": "RegularExpression", "value": "/.*"},
    ]
    assert len(paths[0]["value"]) > len(paths[1]["value"]), "of two expressions the longer one is tried first"


def test_grpc_method_is_a_path() -> None:
    endpoint = Endpoint(grpc="shop.v1.Cart/Watch", streaming=True)
    (made,) = in_mesh(a_service(ports=(GRPC,), endpoints=(endpoint,)))
    assert made["spec"]["rules"][0]["matches"] == [{"path": {"type": "Exact", "value": "/shop.v1.Cart/Watch"}}]


def test_rules_that_are_too_many_for_one_are_shared_among_several() -> None:
    endpoints = tuple(Endpoint(method="GET", path=f"/{n}", timeout=1_000 + n) for n in range(40))
    made = in_mesh(a_service(endpoints=endpoints))
    assert [one["metadata"]["name"] for one in made] == ["checkout", "checkout.2", "checkout.3"]
    assert [len(one["spec"]["rules"]) for one in made] == [16, 16, 9]


def test_callers_and_versions_are_not_told_apart() -> None:
    caller = a_service("caller", calls=(Call(service="shop/checkout", timeout=1_000),))
    versions = (Version(name="v1", weight=90), Version(name="v2", weight=10, headers={"x-beta": "on"}))
    (made,) = in_mesh(a_service(versions=versions), caller)
    assert len(made["spec"]["rules"]) == 1
    assert [one["name"] for one in made["spec"]["rules"][0]["backendRefs"]] == ["checkout"]


@pytest.mark.parametrize(
    ("changes", "mesh"),
    [
        pytest.param({}, {"routing": "istio"}, id="Istio's own routes"),
        pytest.param({"ports": (TCP,)}, {}, id="no requests"),
        pytest.param({}, {"data_plane": "ambient"}, id="no waypoint to read it"),
        pytest.param({"in_mesh": False, "outside": Outside(host="a.example.com")}, {}, id="no Service"),
    ],
)
def test_none(changes: dict[str, Any], mesh: dict[str, Any]) -> None:
    assert in_mesh(a_service(**changes), **mesh) == []


def test_ambient_namespace_with_a_waypoint_has_routes() -> None:
    assert in_mesh(a_service(), data_plane="ambient", namespaces={"shop": Namespace(waypoint=True)})


def test_gateway_redirects_plaintext_and_passes_the_rest_on() -> None:
    made = at_gateway(a_service("a", exposures=(at(),)), a_service("b", exposures=(at("/b", timeout=1_500),)))
    assert sorted(made) == ["web.redirect", "web.shop.example.com"]
    assert made["web.redirect"]["parentRefs"] == [{"name": "web", "sectionName": "http"}]
    (redirect,) = made["web.redirect"]["rules"]
    assert redirect == {
        "filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}]
    }
    spec = made["web.shop.example.com"]
    assert spec["hostnames"] == ["shop.example.com"]
    assert spec["parentRefs"] == [{"name": "web", "sectionName": "https-0"}]
    first, second = spec["rules"]
    assert first["matches"] == [{"path": {"type": "PathPrefix", "value": "/b"}}]
    assert first["timeouts"] == {"request": "1s500ms"}
    assert first["backendRefs"] == [{"name": "b", "namespace": "shop", "port": 80}]
    assert second["backendRefs"][0]["name"] == "a"
    assert "matches" not in second


def test_gateway_without_redirect_has_no_route_for_plaintext() -> None:
    closed = Gateway(hosts=(HOST,), secret="tls", redirect=False)
    assert list(at_gateway(a_service(exposures=(at(),)), gateways={"web": closed})) == ["web.shop.example.com"]


def test_gateway_has_no_expressions_which_any_other_service_s_prefix_would_hide() -> None:
    made = at_gateway(a_service(endpoints=(TEMPLATE, STREAM), exposures=(at(),)))
    types = [
        match["path"]["type"] for rule in made["web.shop.example.com"]["rules"] for match in rule.get("matches", ())
    ]
    assert types == ["Exact"]


def test_gateway_leaves_an_operation_to_the_service_whose_path_it_is_below() -> None:
    """Exact paths come before prefixes, however long these are."""
    endpoints = tuple(Endpoint(method="GET", path=path, streaming=True) for path in ("/b", "/b/x", "/bb", "/changes"))
    services = (a_service("a", endpoints=endpoints, exposures=(at(),)), a_service("b", exposures=(at("/b/"),)))
    rules = at_gateway(*services)["web.shop.example.com"]["rules"]
    found = {
        (match["path"]["value"], rule["backendRefs"][0]["name"]) for rule in rules for match in rule.get("matches", ())
    }
    assert found == {("/b/", "b"), ("/bb", "a"), ("/changes", "a")}


def test_gateway_reaches_a_host_outside_the_cluster_by_istio_s_own_kind() -> None:
    outside = a_service(in_mesh=False, outside=Outside(host="old.example.net"), exposures=(at(),))
    (rule,) = at_gateway(outside)["web.shop.example.com"]["rules"]
    backend = {"group": "networking.istio.io", "kind": "Hostname", "name": "old.example.net", "port": 80}
    assert rule["backendRefs"] == [backend]


def grant(service: Service, **mesh: Any) -> dict[str, Any] | None:
    found: dict[str, Any] | None = plain(
        reference_grant(an_inventory(service, mesh=a_mesh(**{**MESH, **mesh})), service)
    )
    return found


def test_gateways_in_other_namespaces_need_leave_to_reach_a_service() -> None:
    made = grant(a_service(exposures=(at(), at("/b"))))
    assert made is not None
    assert (made["metadata"]["namespace"], made["metadata"]["name"]) == ("shop", "checkout")
    assert made["spec"] == {
        "from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "edge"}],
        "to": [{"group": "", "kind": "Service", "name": "checkout"}],
    }


@pytest.mark.parametrize(
    ("changes", "mesh"),
    [
        pytest.param({"exposures": ()}, {}, id="not exposed"),
        pytest.param({}, {"routing": "istio"}, id="Istio's own routes"),
        pytest.param({"namespace": "edge"}, {}, id="the same namespace"),
        pytest.param({"in_mesh": False, "outside": Outside(host="a.example.com")}, {}, id="no Service"),
    ],
)
def test_no_leave_where_none_is_needed(changes: dict[str, Any], mesh: dict[str, Any]) -> None:
    assert grant(a_service(**{"exposures": (at(),), **changes}), **mesh) is None


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(1, "1ms"), (1_500, "1s500ms"), (90_000, "1m30s"), (LONGEST_DURATION, "60m"), (3_599_999, "59m59s999ms")],
)
def test_durations_are_as_the_gateway_api_takes_them(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text
    assert re.fullmatch(r"([0-9]{1,5}(h|m|s|ms)){1,4}", text)


def test_timeout_of_a_route_is_the_service_s_own() -> None:
    (made,) = in_mesh(a_service(route=Route(timeout=3_599_999)))
    assert made["spec"]["rules"][0]["timeouts"] == {"request": "59m59s999ms"}


@pytest.mark.parametrize("routing", ["istio", "gateway-api"])
def test_every_value_says_what_decided_it(routing: str) -> None:
    """Also where the examples have none: a host outside the cluster, several ports, several parts."""
    many = tuple(Endpoint(method="GET", path=f"/{n}", timeout=1_000 + n) for n in range(20))
    inventory = an_inventory(
        a_service("a", ports=(HTTP, GRPC, TCP), endpoints=(*many, TEMPLATE, STREAM), exposures=(at(port=80),)),
        a_service("b", in_mesh=False, outside=Outside(host="old.example.net"), exposures=(at("/b"),)),
        mesh=a_mesh(**{**MESH, "routing": routing}),
    )
    silent = [
        leaf for _, one in manifests(inventory, Graph(inventory)) for leaf in leaves(one["spec"]) if not leaf.origin
    ]
    assert silent == []
