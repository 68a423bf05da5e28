"""OBS132 to OBS136: what gateways cannot do, do twice, or do without anybody's notice."""

from __future__ import annotations

from typing import Any

import pytest

from observe.checks import (
    exposed_without_proxy,
    exposure_mismatch,
    gateway_conflict,
    host_without_exposure,
    rate_limits_without_service,
)
from observe.model import Exposure, Gateway, GlobalRateLimit, Issuer, Outside, RateLimitService
from tests.checks.finds import found
from tests.samples import GRPC, HTTP, TCP, a_mesh, a_service

HOST = "shop.example.com"
WEB = Gateway(hosts=(HOST, "api.example.com"), secret="tls")
MESH = a_mesh(gateways={"web": WEB})
LIMITED = Gateway(hosts=(HOST,), secret="tls", rate_limits=(GlobalRateLimit(name="all", requests=1),))
AMBIENT = {"data_plane": "ambient", "waypoints": True}


def at(**changes: Any) -> Exposure:
    return Exposure(**{"gateway": "web", "host": HOST, **changes})


def mismatches(*exposures: Exposure, **changes: Any) -> list[str]:
    return found(exposure_mismatch, a_service(exposures=exposures, **changes), mesh=MESH)


def test_unknown_gateway_with_the_one_that_was_meant() -> None:
    assert mismatches(at(gateway="wbe")) == [
        (
            'error OBS132: service shop/checkout is exposed at the gateway "wbe", which is not in mesh.gateways; '
            "did you mean web?"
        )
    ]
    assert mismatches(at(gateway="partners"))[0].endswith("; declare it there")


def test_host_of_no_gateway_with_the_one_that_was_meant() -> None:
    assert mismatches(at(host="shop.example.org")) == [
        (
            "error OBS132: service shop/checkout is exposed at shop.example.org, a host that the gateway web does not "
            "answer for; did you mean shop.example.com?"
        )
    ]
    assert mismatches(at(host="x.test"))[0].endswith("; add it to mesh.gateways.web.hosts")


@pytest.mark.parametrize(
    ("ports", "port", "said"),
    [
        pytest.param((HTTP, GRPC), None, "without saying which; add port: one of 80, 9000", id="which of two"),
        pytest.param((HTTP,), 81, "with port 81, which takes no requests of its; write one of 80", id="not there"),
        pytest.param((HTTP, TCP), 5432, "with port 5432, which takes no requests of its; write one of 80", id="tcp"),
        pytest.param((TCP,), None, "but none of its ports takes requests", id="nothing but tcp"),
    ],
)
def test_port_that_does_not_fit(ports: Any, port: int | None, said: str) -> None:
    (message,) = mismatches(at(port=port), ports=ports)
    assert said in message


@pytest.mark.parametrize(("ports", "port"), [((HTTP,), None), ((HTTP, TCP), None), ((HTTP, GRPC), 9000)])
def test_port_that_fits(ports: Any, port: int | None) -> None:
    assert mismatches(at(port=port), ports=ports) == []


def test_path_of_two_services_belongs_to_one() -> None:
    services = (a_service("a", exposures=(at(path="/x"),)), a_service("b", exposures=(at(), at(path="/x"))))
    assert found(exposure_mismatch, *services, mesh=MESH) == [
        (
            "error OBS132: service shop/b is exposed at shop.example.com/x, as is shop/a's exposures[0]: only one of "
            "them gets the requests; give each a path of its own"
        )
    ]


def test_same_path_twice_of_one_service() -> None:
    assert len(mismatches(at(), at())) == 1
    assert mismatches(at(), at(host="api.example.com"), at(path="/b")) == []


@pytest.mark.parametrize(("routing", "count"), [("istio", 0), ("gateway-api", 1)])
def test_slash_at_the_end_is_nothing_to_the_gateway_api(routing: str, count: int) -> None:
    mesh = a_mesh(gateways={"web": WEB}, routing=routing)
    service = a_service(exposures=(at(path="/a"), at(path="/a/")))
    assert len(found(exposure_mismatch, service, mesh=mesh)) == count


def conflicts(first: dict[str, Any], second: dict[str, Any], **mesh: Any) -> list[str]:
    good: dict[str, Any] = {"hosts": (HOST,), "secret": "tls"}
    gateways = {"a": Gateway(**{**good, **first}), "b": Gateway(**{**good, "secret": "other", **second})}
    return found(gateway_conflict, mesh=a_mesh(gateways=gateways, **mesh))


def test_one_host_on_the_same_pods_twice() -> None:
    assert conflicts({}, {"hosts": ("api.example.com", HOST)}) == [
        (
            "error OBS133: mesh acme has the gateways a and b on the same pods, both for shop.example.com (IST0145); "
            "give each host to one of them, or give them different labels"
        )
    ]


@pytest.mark.parametrize(
    ("second", "mesh", "count"),
    [
        pytest.param({"hosts": ("api.example.com",)}, {}, 0, id="another host"),
        pytest.param({"labels": {"istio": "other"}}, {}, 0, id="other pods"),
        pytest.param({"labels": {"istio": "ingressgateway", "zone": "a"}}, {}, 1, id="some of the same pods"),
        pytest.param({"namespace": "edge"}, {}, 1, id="labels select in every namespace"),
        pytest.param({}, {"routing": "gateway-api"}, 0, id="each has pods of its own"),
    ],
)
def test_which_gateways_share_pods(second: dict[str, Any], mesh: dict[str, Any], count: int) -> None:
    assert len(conflicts({}, second, **mesh)) == count


@pytest.mark.parametrize(
    ("second", "mesh", "count"),
    [
        pytest.param({}, {}, 1, id="the same pods"),
        pytest.param({}, {"routing": "gateway-api"}, 0, id="pods of its own"),
        pytest.param({"labels": {"istio": "other"}}, {}, 0, id="other labels"),
        pytest.param({"namespace": "edge"}, {}, 0, id="another namespace"),
    ],
)
def test_two_service_accounts_for_the_same_pods(second: dict[str, Any], mesh: dict[str, Any], count: int) -> None:
    other = {"hosts": ("api.example.com",), "service_account": "other", **second}
    said = (
        "error OBS133: mesh acme has the gateways a and b on the same pods, which have one service account; "
        "give both the same one, or give them different labels"
    )
    assert conflicts({}, other, **mesh) == [said] * count


@pytest.mark.parametrize(
    ("second", "count"),
    [({"secret": "tls"}, 1), ({"secret": "tls", "namespace": "edge"}, 0), ({"secret": "tls", "issuer": None}, 0)],
    ids=["one Secret", "in another namespace", "filled by the other's"],
)
def test_two_certificates_for_one_secret(second: dict[str, Any], count: int) -> None:
    issuer = Issuer(name="ca")
    messages = conflicts({"issuer": issuer}, {"hosts": ("api.example.com",), "issuer": issuer, **second})
    assert len(messages) == count
    assert all("two certificates for the Secret tls, those of the gateways a and b" in text for text in messages)


@pytest.mark.parametrize(
    ("namespace", "mesh", "count"), [("shop", AMBIENT, 1), ("shop", {}, 0)], ids=["ambient", "sidecars"]
)
def test_gateway_called_as_the_waypoint_beside_it(namespace: str, mesh: dict[str, Any], count: int) -> None:
    gateway = Gateway(hosts=(HOST,), secret="tls", namespace=namespace)
    messages = found(gateway_conflict, a_service(), mesh=a_mesh(gateways={"waypoint": gateway}, **mesh))
    assert len(messages) == count


@pytest.mark.parametrize(
    ("hosts", "redirect", "routing", "count"),
    [
        (63, True, "gateway-api", 0),
        (64, True, "gateway-api", 1),
        (64, False, "gateway-api", 0),
        (65, False, "gateway-api", 1),
        (65, True, "istio", 0),
    ],
)
def test_more_hosts_than_listeners(hosts: int, redirect: bool, routing: str, count: int) -> None:
    many = Gateway(hosts=tuple(f"h{n}.example.com" for n in range(hosts)), secret="tls", redirect=redirect)
    assert len(found(gateway_conflict, mesh=a_mesh(gateways={"web": many}, routing=routing))) == count


def test_host_with_nothing_behind_it() -> None:
    assert found(host_without_exposure, a_service(exposures=(at(),)), mesh=MESH) == [
        (
            "info OBS134: mesh acme answers for api.example.com at the gateway web, with 404: no service is exposed "
            "there; expose a service at it, or remove the host"
        )
    ]


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        pytest.param({"in_mesh": False}, 1, id="no proxy"),
        pytest.param({}, 0, id="a proxy"),
        pytest.param({"in_mesh": False, "exposures": ()}, 0, id="not exposed"),
        pytest.param({"in_mesh": False, "outside": Outside(host="a.example.net")}, 1, id="outside, in plaintext"),
        pytest.param({"in_mesh": False, "outside": Outside(host="a.example.net", tls=True)}, 0, id="outside, TLS"),
    ],
)
def test_exposed_in_plaintext(changes: dict[str, Any], count: int) -> None:
    messages = found(exposed_without_proxy, a_service(**{"exposures": (at(),), **changes}), mesh=MESH)
    assert len(messages) == count
    assert all("the gateway sends it what came in encrypted in plaintext" in text for text in messages)


def test_limits_that_nobody_counts() -> None:
    assert found(rate_limits_without_service, mesh=a_mesh(gateways={"web": LIMITED})) == [
        (
            "error OBS136: mesh acme has rate limits at the gateway web and no service that counts for them: nothing "
            "is limited; install envoyproxy/ratelimit and give mesh.rate_limit_service, or remove the limits"
        )
    ]


def test_limits_that_somebody_counts() -> None:
    mesh = a_mesh(gateways={"web": LIMITED}, rate_limit_service=RateLimitService(namespace="limits"))
    assert found(rate_limits_without_service, mesh=mesh) == []
    assert found(rate_limits_without_service, mesh=MESH) == []
