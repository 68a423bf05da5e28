"""OBS110 and OBS116: retries that have no time, and limits that nobody keeps."""

from __future__ import annotations

from typing import Any

import pytest

from observe.checks import limit_without_effect, retries_do_not_fit
from observe.model import Call, Endpoint, Exposure, Retries, Route
from tests.checks.finds import found
from tests.samples import TCP, a_mesh, a_service


def test_sum_of_all_tries_is_shown_where_it_is_longer_than_the_timeout() -> None:
    service = a_service(route=Route(retries=Retries(attempts=2, per_try_timeout=2_000)))
    assert found(retries_do_not_fit, service) == [
        (
            "warning OBS110: service shop/checkout tries requests for longer than their timeout: 3 x 2s and up to "
            "100ms of waits are 6100ms, more than 3s (role sync), so the last tries are cut off; "
            "set per_try_timeout to 966ms or less, or raise the timeout to 6100ms"
        )
    ]


def test_retries_that_a_timeout_has_no_room_for() -> None:
    service = a_service(route=Route(timeout=60, retries=Retries(attempts=3)))
    assert found(retries_do_not_fit, service) == [
        (
            "warning OBS110: service shop/checkout allows 3 retries for requests, but the timeout of 60ms (own choice) "
            "has room for 1; set attempts to 1, or raise the timeout"
        )
    ]


LONG = Retries(attempts=1, per_try_timeout=2_000)


@pytest.mark.parametrize(
    ("callee", "call", "subject"),
    [
        ({"endpoints": (Endpoint(method="GET", path="/a", retries=LONG),)}, {}, "shop/checkout tries GET /a for"),
        ({}, {"retries": LONG}, "shop/cart tries calls to shop/checkout for"),
        (
            {},
            {"endpoints": (Endpoint(method="GET", path="/a", retries=LONG),)},
            "shop/cart tries GET /a of shop/checkout for",
        ),
    ],
)
def test_whoever_declares_the_retries_is_told(callee: dict[str, Any], call: dict[str, Any], subject: str) -> None:
    caller = a_service("cart", calls=(Call(service="shop/checkout", **call),))
    (finding,) = found(retries_do_not_fit, a_service(**callee), caller)
    assert subject in finding


@pytest.mark.parametrize(
    ("callee", "call"),
    [
        ({}, {}),
        # As long as it may be: 2 x 1487 ms and 25 ms of waits are 2999 ms.
        ({"route": Route(retries=Retries(attempts=1, per_try_timeout=1_487))}, {}),
        # What was chosen for the longer timeout of the service is cut by the generator for the caller's.
        ({"route": Route(timeout=10_000, retries=LONG)}, {"timeout": 1_000}),
        # Nobody asked for the role's retries.
        ({"route": Route(timeout=20)}, {}),
        ({"endpoints": (Endpoint(grpc="a.B/C", streaming=True, retries=LONG),)}, {}),
    ],
)
def test_retries_that_fit_or_are_made_to_fit(callee: dict[str, Any], call: dict[str, Any]) -> None:
    caller = a_service("cart", calls=(Call(service="shop/checkout", **call),))
    assert found(retries_do_not_fit, a_service(**callee), caller) == []


def test_limit_of_a_caller_without_a_proxy() -> None:
    caller = a_service("cart", in_mesh=False, calls=(Call(service="shop/checkout", timeout=1_000),))
    assert found(limit_without_effect, a_service(), caller) == [
        (
            "warning OBS116: service shop/cart sets limits of its own for calls to shop/checkout, which nobody keeps: "
            "it has no proxy; set them in shop/checkout's route or endpoints, or in the application"
        )
    ]


@pytest.mark.parametrize(
    ("mesh", "callee", "why"),
    [
        ({"data_plane": "ambient", "waypoints": True}, {}, "in an ambient mesh a waypoint serves all callers alike"),
        ({"routing": "gateway-api"}, {}, "an HTTPRoute cannot tell callers apart"),
        ({}, {"ports": (TCP,)}, "its connections are tcp, in which the mesh sees no requests"),
    ],
)
def test_limit_of_a_caller_where_nobody_could_keep_it(mesh: dict[str, Any], callee: dict[str, Any], why: str) -> None:
    caller = a_service("cart", calls=(Call(service="shop/checkout", retries=Retries(attempts=1)),))
    (finding,) = found(limit_without_effect, a_service(**callee), caller, mesh=a_mesh(**mesh))
    assert f"which nobody keeps: {why};" in finding


@pytest.mark.parametrize(
    ("mesh", "service"), [({}, {"ports": (TCP,)}), ({"data_plane": "ambient"}, {})], ids=["tcp", "no waypoint"]
)
def test_limit_of_a_service_that_nobody_keeps(mesh: dict[str, Any], service: dict[str, Any]) -> None:
    declared = a_service(route=Route(timeout=1_000), **service)
    (finding,) = found(limit_without_effect, declared, mesh=a_mesh(**mesh))
    assert finding.startswith(
        "warning OBS116: service shop/checkout sets limits for requests to it, which nobody keeps"
    )


def test_limits_that_somebody_keeps() -> None:
    """A gateway keeps those of a service that it exposes, waypoint or not."""
    caller = a_service("cart", calls=(Call(service="shop/checkout", timeout=1_000),))
    assert found(limit_without_effect, a_service(route=Route(timeout=2_000)), caller) == []
    exposed = a_service(route=Route(timeout=2_000), exposures=(Exposure(gateway="web", host="a.example.com"),))
    assert found(limit_without_effect, exposed, mesh=a_mesh(data_plane="ambient")) == []
    assert (
        found(limit_without_effect, a_service(ports=(TCP,)), a_service("cart", calls=(Call(service="shop/checkout"),)))
        == []
    )
