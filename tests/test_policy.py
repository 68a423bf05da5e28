"""From role and own choice to timeouts, retries, breakers and thresholds."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observe import policy
from observe.model import Breaker, Call, LatencyObjective, Objectives, Retries, Role, Route
from observe.policy import RoutePolicy, Sourced
from tests.samples import a_service

durations = st.integers(1, 3_600_000)
attempts = st.integers(0, 10)


@pytest.mark.parametrize(
    ("role", "timeout", "retries", "per_try"),
    [
        ("sync", 3_000, 2, 933),
        ("orchestrator", 5_000, 2, 1_600),
        ("external", 10_000, 1, 4_950),
        ("worker", 10_000, 2, 3_266),
        ("data", 3_000, 2, 933),
        ("gateway", 15_000, 0, None),
    ],
)
def test_role_decides_where_nobody_else_does(role: Role, timeout: int, retries: int, per_try: int | None) -> None:
    source = f"role {role}"
    expected = RoutePolicy(Sourced(timeout, source), Sourced(retries, source), per_try)
    assert policy.route(a_service(role=role)) == expected


def test_every_role_has_its_defaults() -> None:
    assert policy.ROLES.keys() == set(get_args(Role))


def route(call: Call | None = None, **own: Any) -> tuple[tuple[int, str], tuple[int, str], int | None]:
    found = policy.route(a_service(role="sync", route=Route(**own)), call)
    timeout, tries = found.timeout, found.attempts
    return (timeout.value, timeout.source), (tries.value, tries.source), found.per_try_timeout


def test_service_decides_before_its_role() -> None:
    assert route(timeout=6_000) == ((6_000, "service"), (2, "role sync"), 1_933)
    assert route(retries=Retries(attempts=1)) == ((3_000, "role sync"), (1, "service"), 1_450)


def test_call_decides_before_the_service() -> None:
    call = Call(service="shop/cart", timeout=1_000, retries=Retries(attempts=3))
    assert route(call, timeout=6_000, retries=Retries(attempts=1)) == ((1_000, "call"), (3, "call"), 175)


def test_each_value_is_decided_by_itself() -> None:
    """A call with a timeout of its own keeps the service's retries, and the tries are cut to fit."""
    call = Call(service="shop/cart", timeout=1_000)
    assert route(call, retries=Retries(attempts=1)) == ((1_000, "call"), (1, "service"), 450)


def test_own_limit_of_a_try_is_kept() -> None:
    assert route(retries=Retries(attempts=2, per_try_timeout=700))[2] == 700


def test_services_own_limit_of_a_try_is_cut_to_the_timeout_of_a_call() -> None:
    """It was chosen for the service's own timeout; in a shorter one it would leave no room for the other tries."""
    retries = Retries(attempts=2, per_try_timeout=900)
    assert route(Call(service="shop/cart", timeout=1_000), retries=retries)[2] == 266
    assert route(Call(service="shop/cart", timeout=9_000), retries=retries)[2] == 900


def test_limit_of_a_try_means_nothing_without_retries() -> None:
    assert route(retries=Retries(attempts=0, per_try_timeout=700))[2] is None


def test_share_of_many_tries_leaves_room_for_longer_waits() -> None:
    """5 s less three waits of 100 ms and one of 250 ms, shared by five tries."""
    assert policy.share_of(5_000, 4) == 890


def test_share_of_a_short_timeout_is_no_longer_than_the_timeout() -> None:
    """A try as long as the timeout would be ignored by Envoy."""
    assert policy.share_of(200, 2) == 50
    assert policy.share_of(90, 2) == 30


def test_call_that_retries_without_saying_how_long_does_not_inherit_the_services_limit_of_a_try() -> None:
    """It was chosen for the service's number of tries, not for this one."""
    call = Call(service="shop/cart", retries=Retries(attempts=5))
    assert route(call, retries=Retries(attempts=1, per_try_timeout=1_400))[2] == 366


def test_no_retries_can_be_chosen_against_a_role_that_has_some() -> None:
    assert route(retries=Retries(attempts=0)) == ((3_000, "role sync"), (0, "service"), None)


def test_reason_names_values_and_who_decided_them() -> None:
    found = policy.route(a_service(role="external", route=Route(timeout=6_500)))
    assert found.reason == "timeout 6500ms (service), retries 1 (role external)"


@given(st.integers(1, 10))
def test_waits_are_as_long_as_envoy_may_wait(retries: int) -> None:
    """A random part of 25 ms times 1, 3, 7, ..., and of 250 ms at most."""
    longest = sum(min(25 * (2**number - 1), 250) for number in range(1, retries + 1))
    assert longest <= policy.waits(retries) <= 4 * longest


@given(st.integers(12, 3_600_000), st.integers(1, 10))
def test_all_tries_fit_into_the_timeout(timeout: int, retries: int) -> None:
    each = policy.share_of(timeout, retries)
    assert each is not None
    assert each >= 1
    assert (retries + 1) * each <= timeout


@given(durations, st.integers(1, 10))
def test_waits_fit_as_well_unless_they_would_leave_nothing_for_tries(timeout: int, retries: int) -> None:
    each = policy.share_of(timeout, retries)
    assert each is not None
    assert (retries + 1) * each + policy.waits(retries) <= timeout or each <= policy.SHORTEST_TRY


@given(durations, attempts)
def test_share_of_the_timeout_is_as_long_as_it_can_be(timeout: int, retries: int) -> None:
    each = policy.share_of(timeout, retries)
    if each is None:
        assert retries == 0
    else:
        assert (retries + 1) * (each + 1) + policy.waits(retries) > timeout


@given(st.sampled_from(get_args(Role)), durations, durations, attempts)
def test_policy_of_every_combination_of_choices_fits(role: Role, own: int, called: int, retries: int) -> None:
    service = a_service(role=role, route=Route(timeout=own, retries=Retries(attempts=retries)))
    for call in (None, Call(service="shop/cart", timeout=called)):
        found = policy.route(service, call)
        each = found.per_try_timeout
        assert found.timeout.value == (called if call else own)
        assert (each is None) == (retries == 0)
        assert (retries + 1) * (each or 0) <= max(found.timeout.value, retries + 1)


@pytest.mark.parametrize("role", [role for role in get_args(Role) if role != "worker"])
def test_breaker_ejects_after_five_failures_for_thirty_seconds(role: Role) -> None:
    found = policy.breaker(a_service(role=role))
    assert (found.consecutive_5xx, found.base_ejection_time, found.source) == (5, 30_000, f"role {role}")


def test_breaker_of_a_worker_is_lenient() -> None:
    """Twice as many failures, and a queue may build up."""
    worker, other = (policy.breaker(a_service(role=role)) for role in ("worker", "sync"))
    assert (worker.consecutive_5xx, other.consecutive_5xx) == (10, 5)
    assert worker.interval > other.interval
    assert worker.max_pending_requests > other.max_pending_requests


def test_every_choice_of_a_service_for_its_breaker_is_kept() -> None:
    own = Breaker(
        consecutive_5xx=11,
        interval=12_000,
        base_ejection_time=13_000,
        max_ejection_percent=14,
        max_connections=15,
        max_pending_requests=16,
        max_requests=17,
    )
    assert policy.breaker(a_service(breaker=own)) == policy.BreakerPolicy(
        11, 12_000, 13_000, 14, 15, 16, 17, source="service"
    )


@given(st.integers(1, 10_000))
def test_breaker_can_eject_an_instance_however_many_there_are(replicas: int) -> None:
    """Envoy ejects only while 100 * (ejected + 1) / hosts <= maxEjectionPercent, in integers."""
    percent = policy.breaker(a_service(replicas=replicas)).max_ejection_percent
    assert percent <= 100
    assert 100 // replicas <= percent
    assert 100 / replicas <= percent


def thresholds(**objectives: Any) -> policy.Thresholds:
    return policy.thresholds(a_service(objectives=Objectives(**objectives)))


def test_thresholds_are_those_of_everybody_unless_a_service_says_otherwise() -> None:
    found = thresholds()
    assert (found.error_rate.value, found.error_rate_critical.value) == (0.05, 0.2)
    assert (found.latency.value, found.ejections.value, found.mtls.value) == (2_000, 0, 0.95)
    assert found.minimum_requests == 20


def test_thresholds_are_a_services_own() -> None:
    latency = LatencyObjective(quantile=0.95, limit=700)
    found = thresholds(error_rate=0.03, latency=latency, minimum_requests=50)
    assert (found.error_rate.value, found.error_rate_critical.value) == (0.03, 0.12)
    assert found.latency.value == 700
    assert (found.minimum_requests, found.minimum_for_quantile) == (50, 50)


@given(st.decimals("0.001", "0.2", places=4))
def test_critical_error_rate_is_above_the_warning_and_a_share(share: Any) -> None:
    found = thresholds(error_rate=float(share))
    assert found.error_rate.value < found.error_rate_critical.value <= 0.8


@pytest.mark.parametrize(
    ("quantile", "requests"),
    # One request beyond 1 / (1 - quantile), and a third more: rates may overstate what was seen by that.
    [(0.5, 20), (0.9, 20), (0.95, 28), (0.99, 135), (0.999, 1_335)],
)
def test_quantile_needs_so_many_requests_that_a_single_slow_one_cannot_move_it(quantile: float, requests: int) -> None:
    assert thresholds(latency=LatencyObjective(quantile=quantile)).minimum_for_quantile == requests


@given(st.floats(0.5, 0.999))
def test_a_single_slow_request_is_always_beyond_the_quantile(quantile: float) -> None:
    seen = thresholds(latency=LatencyObjective(quantile=quantile)).minimum_for_quantile / policy.OVERSTATED
    assert 1 / seen < 1 - quantile
