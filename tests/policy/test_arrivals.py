"""What a pod takes from all of its callers together."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from observe import policy
from observe.graph import Graph
from observe.model import Breaker, Call, ExternalCaller, Installation, Version
from tests.samples import a_mesh, a_service, an_inventory

LIMITS = Breaker(max_connections=11, max_pending_requests=12, max_requests=13)


def arrivals(*callers: int, mesh: dict[str, Any] | None = None, **service: Any) -> tuple[int, int, int]:
    """Limits of checkout's pods, called by services with so many replicas."""
    callee = a_service("checkout", **{"breaker": LIMITS, **service})
    calling = [
        a_service(f"caller-{index}", replicas=replicas, calls=(Call(service="shop/checkout"),))
        for index, replicas in enumerate(callers)
    ]
    graph = Graph(an_inventory(callee, *calling, mesh=a_mesh(**(mesh or {}))))
    found = policy.arrivals(graph, callee)
    return found.max_connections.value, found.max_pending_requests.value, found.max_requests.value


def test_calling_proxies_times_their_limit_are_shared_by_the_pods_that_are_left() -> None:
    """Nine callers' pods; of four pods two may be ejected at once."""
    assert arrivals(4, 5, replicas=4) == (50, 54, 59)  # 11, 12 and 13 times 9, divided by 2 and rounded up


def test_pod_takes_at_least_what_one_caller_may_send() -> None:
    assert arrivals(1, replicas=10) == (11, 12, 13)
    assert arrivals(replicas=10) == (11, 12, 13)


def test_single_pod_takes_everything() -> None:
    assert arrivals(3, replicas=1) == (33, 36, 39)


def test_smallest_version_that_gets_requests_counts() -> None:
    """A version without weight and headers is not called."""
    versions = (Version(name="a", weight=90), Version(name="b", weight=10, replicas=1), Version(name="c", replicas=1))
    assert arrivals(3, replicas=4, versions=versions) == (33, 36, 39)
    assert arrivals(3, replicas=4, versions=(Version(name="a", weight=100), Version(name="c", replicas=1)))[0] == 17


def test_caller_that_calls_twice_counts_once() -> None:
    calls = (Call(service="shop/checkout", port=80), Call(service="shop/checkout", port=80, asynchronous=True))
    callee, caller = a_service(replicas=1, breaker=LIMITS), a_service("cart", replicas=3, calls=calls)
    found = policy.arrivals(Graph(an_inventory(callee, caller)), callee)
    assert found.max_connections.value == 33


def test_ingress_gateway_counts_with_its_pods() -> None:
    through = (ExternalCaller(name="the shop's visitors"),)
    assert arrivals(replicas=1, external_callers=through) == (22, 24, 26)
    known = {"installation": Installation(gateway_replicas=5)}
    assert arrivals(replicas=1, external_callers=through, mesh=known) == (55, 60, 65)


def test_arithmetic_is_told() -> None:
    callee = a_service(replicas=1, breaker=LIMITS)
    graph = Graph(an_inventory(callee, a_service("cart", calls=(Call(service="shop/checkout"),))))
    assert (
        policy.arrivals(graph, callee).max_requests.origin.why
        == "13 for each of 3 calling proxies, shared by 1 of its pods"
    )


@given(st.lists(st.integers(1, 10_000), max_size=4), st.integers(1, 10_000), st.integers(1, 2_147_483_647))
def test_no_caller_is_throttled_by_the_limit_of_another(callers: list[int], replicas: int, limit: int) -> None:
    """All callers at their limit, spread over the pods that stay when as many are ejected as may be."""
    found = arrivals(*callers, replicas=replicas, breaker=Breaker(max_requests=limit))[2]
    left = replicas - replicas // 2
    assert found <= 2_147_483_647
    assert found * left >= limit * sum(callers) or found == 2_147_483_647
    assert found >= limit
