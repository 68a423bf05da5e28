"""VirtualServices of gateways: one for each host, the longest path first, and retries that multiply nothing."""

from __future__ import annotations

from typing import Any

import pytest

from observe.istio.gateways.exposures import by_host
from observe.istio.gateways.gateway_routes import gateway_virtual_services
from observe.model import Endpoint, Exposure, Gateway, Retries, Route, Service, Version
from observe.provenance import plain
from tests.samples import GRPC, HTTP, TCP, a_mesh, a_service, an_inventory

HOSTS = ("shop.example.com", "api.example.com")
WEB = Gateway(hosts=HOSTS, secret="tls", namespace="edge")
SAFE = {"attempts": 2, "retryOn": "connect-failure,refused-stream,reset-before-request"}


def at(path: str = "/", host: str = HOSTS[0], **changes: Any) -> Exposure:
    return Exposure(gateway="web", host=host, path=path, **changes)


def made(*services: Service, gateway: Gateway = WEB) -> dict[str, dict[str, Any]]:
    """The specs by name."""
    inventory = an_inventory(*services, mesh=a_mesh(gateways={"web": gateway}))
    found = [plain(one) for one in gateway_virtual_services(inventory, "web", by_host(inventory))]
    assert {one["metadata"]["namespace"] for one in found} <= {gateway.namespace}
    return {one["metadata"]["name"]: one["spec"] for one in found}


def routes(*services: Service) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = made(*services)["web.shop.example.com"]["http"]
    return found


def test_each_host_has_one_bound_to_the_gateway() -> None:
    found = made(a_service("a", exposures=(at(), at(host=HOSTS[1]))), a_service("b", exposures=(at("/b"),)))
    assert sorted(found) == ["web.api.example.com", "web.shop.example.com"]
    assert found["web.shop.example.com"]["hosts"] == ["shop.example.com"]
    assert found["web.shop.example.com"]["gateways"] == ["edge/web"]


def test_host_without_anything_behind_it_has_none() -> None:
    assert list(made(a_service(exposures=(at(),)))) == ["web.shop.example.com"]
    assert made(a_service()) == {}


def test_longest_path_comes_first_whoever_it_belongs_to() -> None:
    services = (a_service("a", exposures=(at(),)), a_service("b", exposures=(at("/b"), at("/b/longer"))))
    matches = [route.get("match") for route in routes(*services)]
    assert matches == [[{"uri": {"prefix": "/b/longer"}}], [{"uri": {"prefix": "/b"}}], None]


def test_destination_is_the_service_s_port_by_its_full_name() -> None:
    (route,) = routes(a_service(ports=(TCP, HTTP, GRPC), exposures=(at(port=9000),)))
    assert route["route"] == [{"destination": {"host": "checkout.shop.svc.cluster.local", "port": {"number": 9000}}}]
    assert "match" not in route, "the port would be the gateway's own"


def test_weights_and_dark_launches_are_said_again_for_those_who_come_in() -> None:
    versions = (Version(name="v1", weight=90), Version(name="v2", weight=10, headers={"x-beta": "on"}))
    dark, usual = routes(a_service(versions=versions, exposures=(at("/c"),)))
    assert dark["match"] == [{"uri": {"prefix": "/c"}, "headers": {"x-beta": {"exact": "on"}}}]
    assert [one["destination"]["subset"] for one in dark["route"]] == ["v2"]
    assert [(one["destination"]["subset"], one["weight"]) for one in usual["route"]] == [("v1", 90), ("v2", 10)]


@pytest.mark.parametrize(
    ("changes", "timeout"),
    [
        pytest.param({"exposures": (at(),)}, "3s", id="role"),
        pytest.param({"exposures": (at(),), "route": Route(timeout=4_000)}, "4s", id="service"),
        pytest.param({"exposures": (at(timeout=5_000),), "route": Route(timeout=4_000)}, "5s", id="exposure"),
    ],
)
def test_timeout_is_the_most_specific_choice(changes: dict[str, Any], timeout: str) -> None:
    assert [route["timeout"] for route in routes(a_service(**changes))] == [timeout]


def test_stream_through_a_gateway_is_not_cut_and_other_operations_need_no_route() -> None:
    endpoints = (
        Endpoint(method="GET", path="/orders/changes", streaming=True),
        Endpoint(method="POST", path="/orders"),
        Endpoint(method="GET", path="/elsewhere", streaming=True),
    )
    found = routes(a_service(endpoints=endpoints, exposures=(at("/orders"),)))
    uris = [route["match"][0]["uri"] for route in found]
    assert uris[0] == {"exact": "/orders/changes"}
    assert uris[-1] == {"prefix": "/orders"}
    assert {"exact": "/elsewhere"} not in uris
    assert found[0].get("timeout") != found[-1]["timeout"] == "3s"


def test_only_what_never_arrived_is_tried_again() -> None:
    """It was passed on to nobody, so no retry further down is multiplied; the role's own retries are for callers."""
    for role in ("gateway", "sync", "external"):
        (route,) = routes(a_service(role=role, exposures=(at(),)))
        assert route["retries"] == SAFE, role


def test_a_team_that_wants_no_retries_gets_none() -> None:
    (route,) = routes(a_service(route=Route(retries=Retries(attempts=0)), exposures=(at(),)))
    assert route["retries"] == {"attempts": 0}


def test_methods_are_not_told_apart_where_retries_are_the_same() -> None:
    endpoints = (Endpoint(method="POST", path="/quotes", idempotent=True),)
    assert len(routes(a_service(endpoints=endpoints, exposures=(at(),)))) == 1


def test_route_names_tell_services_apart() -> None:
    found = routes(a_service("a", exposures=(at(),)), a_service("b", exposures=(at("/b"),)))
    assert [route["name"] for route in found] == ["shop-b-http-default-any", "shop-a-http-default-any"]


@pytest.mark.parametrize(
    "exposure",
    [
        pytest.param(Exposure(gateway="gone", host=HOSTS[0]), id="no such gateway"),
        pytest.param(at(host="other.example.com"), id="no such host"),
        pytest.param(at(port=81), id="no such port"),
    ],
)
def test_what_is_a_finding_gives_no_route(exposure: Exposure) -> None:
    assert made(a_service(exposures=(exposure,))) == {}


def test_service_without_requests_gives_no_route() -> None:
    assert made(a_service(ports=(TCP,), exposures=(at(),))) == {}


def test_names_are_valid_however_long_the_host_is() -> None:
    host = ".".join(["a" * 60] * 4)
    gateway = Gateway(hosts=(host, f"b{host[1:]}"), secret="tls")
    names = made(a_service(exposures=(at(host=host), at(host=f"b{host[1:]}"))), gateway=gateway)
    assert len(names) == 2
    assert all(len(name) <= 200 for name in names)
