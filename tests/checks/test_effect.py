"""OBS137 to OBS139: what is declared, and means nothing in the mesh as it is."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from observe.checks import missing_waypoint, no_effect, versions_indistinct
from observe.model import (
    Endpoint,
    ExcludedPorts,
    Exposure,
    Fault,
    FaultAbort,
    Gateway,
    Namespace,
    Outside,
    RateLimit,
    Resources,
    Retries,
    Route,
    Version,
)
from tests.checks.finds import found
from tests.samples import TCP, a_mesh, a_service

AMBIENT: dict[str, Any] = {"data_plane": "ambient"}
WITH_WAYPOINTS: dict[str, Any] = {**AMBIENT, "waypoints": True}
GATEWAY_API: dict[str, Any] = {"routing": "gateway-api"}
FAULT = Fault(name="down", expires=date(2026, 5, 31), abort=FaultAbort(status=503, percent=11))
VERSIONS = (Version(name="v1", weight=90), Version(name="v2", weight=10))
NO_RETRIES = "the Gateway API has no retries in its standard channel, so Istio's own two hold"


def test_ambient_namespace_without_a_waypoint_is_one_finding() -> None:
    services = (a_service("a"), a_service("b"), a_service("db", ports=(TCP,)), a_service("old", in_mesh=False))
    (message,) = found(missing_waypoint, *services, mesh=a_mesh(**AMBIENT))
    assert message == (
        "warning OBS137: mesh acme is ambient, and the namespace shop has no waypoint: timeouts, retries, circuit "
        "breakers, request metrics and alerts, and methods and paths in policies mean nothing for a, b; set "
        "mesh.waypoints to true; where connections are all that matters, set mesh.namespaces.shop.waypoint to false"
    )


def test_many_services_are_counted_and_not_named() -> None:
    services = [a_service(f"s{number}") for number in range(6)]
    (message,) = found(missing_waypoint, *services, mesh=a_mesh(**AMBIENT))
    assert "mean nothing for 6 services;" in message


@pytest.mark.parametrize(
    "mesh",
    [
        pytest.param({}, id="sidecars"),
        pytest.param(WITH_WAYPOINTS, id="waypoints"),
        pytest.param({**AMBIENT, "namespaces": {"shop": Namespace(waypoint=True)}}, id="one here"),
        pytest.param({**AMBIENT, "namespaces": {"shop": Namespace(waypoint=False)}}, id="not wanted"),
    ],
)
def test_no_waypoint_is_missed(mesh: dict[str, Any]) -> None:
    assert found(missing_waypoint, a_service(), mesh=a_mesh(**mesh)) == []


@pytest.mark.parametrize(
    ("mesh", "said"),
    [
        (GATEWAY_API, "the Gateway API knows Services only"),
        (AMBIENT, "no waypoint in shop that would read their weights"),
        ({**WITH_WAYPOINTS, **GATEWAY_API}, "the Gateway API knows Services only"),
    ],
    ids=["Gateway API", "no waypoint", "both"],
)
def test_versions_that_get_requests_by_their_pods(mesh: dict[str, Any], said: str) -> None:
    (message,) = found(versions_indistinct, a_service(versions=VERSIONS), mesh=a_mesh(**mesh))
    assert message.startswith(f"error OBS138: service shop/checkout has versions, and {said}: every version gets")


@pytest.mark.parametrize("mesh", [{}, WITH_WAYPOINTS])
def test_versions_that_get_their_share(mesh: dict[str, Any]) -> None:
    assert found(versions_indistinct, a_service(versions=VERSIONS), a_service("b"), mesh=a_mesh(**mesh)) == []


def lost(mesh: dict[str, Any], **changes: Any) -> list[str]:
    """What each finding says after the subject, without the remedy."""
    messages = found(no_effect, a_service(**changes), mesh=a_mesh(**mesh))
    start = "warning OBS139: service shop/checkout declares "
    assert all(message.startswith(start) for message in messages)
    return [message.removeprefix(start).partition(";")[0] for message in messages]


def test_retries_that_the_gateway_api_cannot_say() -> None:
    endpoints = (Endpoint(method="GET", path="/x", timeout=500, retries=Retries(attempts=1)),)
    route = Route(timeout=1_000, retries=Retries(attempts=3))
    assert lost(GATEWAY_API, route=route, endpoints=endpoints) == [
        f"route.retries, endpoints[0].retries without effect: {NO_RETRIES}"
    ]


def test_templates_at_a_gateway_of_the_gateway_api() -> None:
    endpoints = (
        Endpoint(method="GET", path="/x/{id}", timeout=500),
        Endpoint(method="GET", path="/y/{id}", streaming=True),
        Endpoint(method="GET", path="/z/{id}"),
        Endpoint(method="GET", path="/z", timeout=500),
    )
    mesh = {**GATEWAY_API, "gateways": {"web": Gateway(hosts=("a.example.com",), secret="tls")}}
    assert lost(mesh, endpoints=endpoints) == []
    (said,) = lost(mesh, endpoints=endpoints, exposures=(Exposure(gateway="web", host="a.example.com"),))
    assert said.startswith("endpoints[0].timeout, endpoints[1].streaming without effect: at a gateway")


def test_timeouts_of_a_host_outside_the_cluster() -> None:
    changes = {"in_mesh": False, "outside": Outside(host="a.example.net"), "route": Route(timeout=1_000)}
    (said,) = lost(GATEWAY_API, **changes)
    assert said.startswith("route.timeout without effect: the Gateway API has routes for Services")
    assert lost({}, **changes) == []


@pytest.mark.parametrize(
    ("mesh", "changes", "why"),
    [
        (WITH_WAYPOINTS, {}, "it needs a sidecar, and an ambient mesh has none"),
        ({}, {"in_mesh": False}, "it needs a sidecar, and the service is not in the mesh"),
        ({}, {"ports": (TCP,)}, "none of its ports takes requests"),
    ],
)
def test_filters_of_sidecars(mesh: dict[str, Any], changes: dict[str, Any], why: str) -> None:
    said = lost(mesh, faults=(FAULT,), rate_limit=RateLimit(requests=1), **changes)
    assert said == [f"rate_limit, faults[0] without effect: {why}"]


@pytest.mark.parametrize(
    ("mesh", "changes", "why"),
    [
        (WITH_WAYPOINTS, {}, "it needs a sidecar, and an ambient mesh has none"),
        ({}, {"in_mesh": False}, "it needs a sidecar, and the service is not in the mesh"),
    ],
)
def test_what_injection_reads(mesh: dict[str, Any], changes: dict[str, Any], why: str) -> None:
    own: dict[str, Any] = {"excluded_ports": ExcludedPorts(outbound=(3306,)), "proxy": Resources(cpu="1")}
    assert lost(mesh, **own, **changes) == [f"excluded_ports, proxy without effect: {why}"]
    assert lost({}, **own, ports=(TCP,)) == []


def test_everything_has_an_effect_in_a_mesh_of_sidecars() -> None:
    changes: dict[str, Any] = {
        "route": Route(timeout=1_000, retries=Retries(attempts=1)),
        "endpoints": (Endpoint(method="GET", path="/x/{id}", timeout=500, retries=Retries(attempts=1)),),
        "faults": (FAULT,),
        "rate_limit": RateLimit(requests=1),
    }
    assert lost({}, **changes) == []
