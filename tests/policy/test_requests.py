"""Timeouts and retries: the most specific choice decides, and what it leaves open fits into the timeout."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observe import policy
from observe.graph import Graph
from observe.model import Call, Endpoint, Exposure, Retries, Role, Route
from tests.samples import a_service, an_inventory

durations = st.integers(1, 3_600_000)
attempts = st.integers(0, 10)
OWN_TRY = st.one_of(st.none(), durations)


def route(
    call: dict[str, Any] | None = None,
    *,
    endpoint: Endpoint | None = None,
    exposure: int | None = None,
    **service: Any,
) -> policy.RoutePolicy:
    """The policy of checkout; for the caller cart where it says how it calls."""
    callee = a_service("checkout", **service)
    caller = a_service("cart", calls=() if call is None else (Call(service="shop/checkout", **call),))
    inventory = an_inventory(callee, caller)
    edge = next(iter(Graph(inventory).edges), None)
    return policy.route(inventory, callee, edge=edge, exposure=exposure, endpoint=endpoint)


def values(found: policy.RoutePolicy) -> tuple[int | None, int, int | None]:
    each = found.per_try_timeout
    return found.timeout.value, found.attempts.value, each.value if each else None


def whys(found: policy.RoutePolicy) -> tuple[str, str]:
    return found.timeout.origin.why, found.attempts.origin.why


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("sync", (3_000, 2, 966)),  # less 25 and 75 ms of waits, shared by three tries
        ("orchestrator", (5_000, 2, 1_633)),
        ("external", (10_000, 1, 4_987)),
        ("worker", (10_000, 2, 3_300)),
        ("data", (3_000, 2, 966)),
        ("gateway", (15_000, 0, None)),
    ],
)
def test_role_decides_where_nobody_else_does(role: Role, expected: tuple[int, int, int | None]) -> None:
    found = route(role=role)
    assert values(found) == expected
    assert whys(found) == (f"role {role}", f"role {role}")
    assert found.timeout.origin.path == ("services", "checkout", "role")


def test_every_role_has_its_defaults() -> None:
    assert policy.ROLES.keys() == set(get_args(Role))


ENDPOINT = Endpoint(method="GET", path="/orders/{id}", timeout=1_300, retries=Retries(attempts=3))


@pytest.mark.parametrize(
    ("call", "expected", "why", "place"),
    [
        (None, 1_300, "the endpoint's own choice", ("services", "checkout", "endpoints", 0, "timeout")),
        ({"timeout": 1_100}, 1_300, "the endpoint's own choice", ("services", "checkout", "endpoints", 0, "timeout")),
        (
            {"timeout": 1_100, "endpoints": (Endpoint(method="GET", path="/orders/{order}", timeout=1_200),)},
            1_200,
            "the caller's choice for the endpoint",
            ("services", "cart", "calls", 0, "endpoints", 0, "timeout"),
        ),
    ],
)
def test_endpoint_decides_before_the_caller_and_the_callers_endpoint_before_both(
    call: dict[str, Any] | None, expected: int, why: str, place: tuple[str | int, ...]
) -> None:
    """What a caller calls a segment of the path does not matter."""
    found = route(call, endpoint=ENDPOINT, endpoints=(ENDPOINT,), route=Route(timeout=6_000))
    assert (found.timeout.value, found.timeout.origin.why, found.timeout.origin.path) == (expected, why, place)


def test_caller_decides_before_the_service_and_the_service_before_its_role() -> None:
    own = Route(timeout=6_000, retries=Retries(attempts=1))
    assert values(route(route=own)) == (6_000, 1, 2_987)
    assert whys(route(route=own)) == ("own choice", "own choice")
    found = route({"timeout": 1_000, "retries": Retries(attempts=3)}, route=own)
    assert values(found) == (1_000, 3, 181)
    assert whys(found) == ("the caller's choice", "the caller's choice")
    assert found.attempts.origin.path == ("services", "cart", "calls", 0, "retries", "attempts")


def test_exposure_decides_before_the_service() -> None:
    exposures = (
        Exposure(gateway="web", host="a.example.com"),
        Exposure(gateway="web", host="b.example.com", timeout=9_000),
    )
    assert route(exposures=exposures, exposure=0, route=Route(timeout=6_000)).timeout.value == 6_000
    found = route(exposures=exposures, exposure=1, route=Route(timeout=6_000)).timeout
    assert (found.value, found.origin.path) == (9_000, ("services", "checkout", "exposures", 1, "timeout"))


def test_each_value_is_decided_by_itself() -> None:
    """A call with a timeout of its own keeps the service's retries, and the tries are cut to fit."""
    found = route({"timeout": 1_000}, route=Route(retries=Retries(attempts=1)))
    assert values(found) == (1_000, 1, 487)
    assert whys(found) == ("the caller's choice", "own choice")


@pytest.mark.parametrize("own", [700, 2_900])
def test_own_limit_of_a_try_is_kept_whether_it_fits_or_not(own: int) -> None:
    found = route(route=Route(retries=Retries(attempts=2, per_try_timeout=own)))
    assert values(found) == (3_000, 2, own)


def test_limit_of_a_try_is_cut_where_somebody_else_chose_a_shorter_timeout() -> None:
    """It was chosen for the service's own timeout; in a shorter one it would leave no room for the other tries."""
    own = Route(retries=Retries(attempts=2, per_try_timeout=900))
    assert values(route({"timeout": 1_000}, route=own)) == (1_000, 2, 300)
    assert values(route({"timeout": 9_000}, route=own)) == (9_000, 2, 900)


def test_call_that_retries_without_saying_how_long_does_not_inherit_the_services_limit_of_a_try() -> None:
    """It was chosen for the service's number of tries, not for this one."""
    own = Route(retries=Retries(attempts=1, per_try_timeout=1_400))
    assert values(route({"retries": Retries(attempts=5)}, route=own)) == (3_000, 5, 370)


def test_no_retries_can_be_chosen_against_a_role_that_has_some() -> None:
    assert values(route(route=Route(retries=Retries(attempts=0, per_try_timeout=700)))) == (3_000, 0, None)


def test_as_many_retries_as_a_short_timeout_has_room_for() -> None:
    """A try of less than 10 ms is none, and the waits count."""
    assert values(route(route=Route(timeout=129))) == (129, 1, 52)
    assert values(route(route=Route(timeout=130))) == (130, 2, 10)
    found = route(route=Route(timeout=44))
    assert values(found) == (44, 0, None)
    assert found.attempts.origin.why == "as many as fit into the timeout"


STREAM = Endpoint(grpc="acme.v1.Prices/Watch", streaming=True)


def test_stream_has_no_timeout_and_no_try_is_cut() -> None:
    own = Route(timeout=6_000, retries=Retries(attempts=1, per_try_timeout=900))
    found = route({"timeout": 1_000}, endpoint=STREAM, endpoints=(STREAM,), route=own)
    assert values(found) == (None, 1, None)
    assert found.timeout.origin.path == ("services", "checkout", "endpoints", 0, "streaming")


def test_stream_keeps_the_limit_of_a_try_that_was_chosen_for_it() -> None:
    """It is the time until the answer begins, not that of the stream (envoy `router.cc`, `onPerTryTimeout`)."""
    stream = Endpoint(grpc="acme.v1.Prices/Watch", streaming=True, retries=Retries(attempts=2, per_try_timeout=400))
    assert values(route(endpoint=stream, endpoints=(stream,))) == (None, 2, 400)


def test_caller_may_limit_a_stream_for_itself() -> None:
    own = Endpoint(grpc="acme.v1.Prices/Watch", timeout=60_000)
    assert route({"endpoints": (own,)}, endpoint=STREAM, endpoints=(STREAM,)).timeout.value == 60_000


def test_reason_names_values_and_who_decided_them() -> None:
    found = route(role="external", route=Route(timeout=6_500))
    assert found.reason == "timeout 6500ms (own choice), retries 1 (role external)"
    stream = route(endpoint=STREAM, endpoints=(STREAM,))
    assert stream.reason == "no timeout (a stream has no limit), retries 2 (role sync)"


@pytest.mark.parametrize(("retries", "longest"), [(0, 0), (1, 25), (2, 100), (3, 275), (4, 525), (10, 2_025)])
def test_waits_are_the_longest_that_envoy_may_take(retries: int, longest: int) -> None:
    """25 ms times 1, 3, 7, and 250 ms for each retry beyond."""
    assert policy.waits(retries) == longest


@given(durations, st.integers(1, 10))
def test_share_of_the_timeout_is_as_long_as_it_can_be(timeout: int, retries: int) -> None:
    each = policy.share_of(timeout, retries) or 0
    assert (retries + 1) * each + policy.waits(retries) <= max(timeout, policy.waits(retries))
    assert (retries + 1) * (each + 1) + policy.waits(retries) > timeout


@given(
    st.sampled_from(get_args(Role)),
    st.one_of(st.none(), durations),
    st.one_of(st.none(), durations),
    st.one_of(st.none(), attempts),
    st.one_of(st.none(), attempts),
)
def test_all_tries_and_waits_fit_whoever_chose_what(
    role: Role, own: int | None, called: int | None, retries: int | None, callers: int | None
) -> None:
    """Unless somebody wrote the limit of a try, which is what OBS110 is about."""
    chosen = Route(timeout=own, retries=None if retries is None else Retries(attempts=retries))
    call = {"timeout": called, "retries": None if callers is None else Retries(attempts=callers)}
    found = route(call, role=role, route=chosen)
    timeout, tries, each = values(found)
    assert timeout is not None
    assert (each is None) == (tries == 0)
    assert (1 + tries) * (each or 0) + policy.waits(tries) <= timeout or tries == 0
    assert policy.overrun(found) is None


@given(st.one_of(st.none(), durations), st.integers(1, 10), durations, durations)
def test_limit_of_a_try_that_others_inherit_always_fits(own: int | None, retries: int, each: int, called: int) -> None:
    chosen = Route(timeout=own, retries=Retries(attempts=retries, per_try_timeout=each))
    found = route({"timeout": called}, route=chosen)
    assert policy.overrun(found) is None
    assert found.per_try_timeout is None or found.per_try_timeout.value <= each


def test_overrun_is_what_all_tries_and_waits_take() -> None:
    found = route(route=Route(retries=Retries(attempts=2, per_try_timeout=2_000)))
    assert policy.overrun(found) == 3 * 2_000 + 100
