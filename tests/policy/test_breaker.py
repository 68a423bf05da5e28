"""When instances are ejected, and how much may be in flight."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observe import policy
from observe.model import Breaker, Outside, Role, Service, Version
from tests.samples import HTTP, TCP, a_service, an_inventory


def breaker(**service: Any) -> policy.BreakerPolicy:
    callee = a_service(**service)
    return policy.breaker(an_inventory(callee), callee)


def outlier(**service: Any) -> policy.OutlierPolicy:
    found = breaker(**service).outlier
    assert found is not None
    return found


def could_eject(percent: int, hosts: int) -> bool:
    """Envoy's own test for the first ejection (`outlier_detection_impl.cc`)."""
    return 100 / hosts <= percent


@pytest.mark.parametrize("role", [role for role in get_args(Role) if role != "worker"])
def test_breaker_ejects_after_five_failures_for_thirty_seconds(role: Role) -> None:
    found = outlier(role=role)
    assert (found.consecutive_5xx.value, found.base_ejection_time.value) == (5, 30_000)
    assert found.consecutive_5xx.origin.why == f"role {role}"


def test_breaker_of_a_worker_is_lenient() -> None:
    """Twice as many failures, and a queue may build up."""
    worker, other = breaker(role="worker"), breaker(role="sync")
    assert (outlier(role="worker").consecutive_5xx.value, outlier(role="sync").consecutive_5xx.value) == (10, 5)
    assert outlier(role="worker").interval.value > outlier(role="sync").interval.value
    assert worker.pool.max_pending_requests.value > other.pool.max_pending_requests.value


def test_every_choice_of_a_service_is_kept_with_its_place() -> None:
    own: dict[str, Any] = {
        "consecutive_5xx": 11,
        "interval": 12_000,
        "base_ejection_time": 13_000,
        "max_ejection_percent": 64,
        "split_local_origin": True,
        "max_connections": 15,
        "max_pending_requests": 16,
        "max_requests": 17,
        "connect_timeout": 18,
    }
    found = breaker(breaker=Breaker(**own))
    for name, value in own.items():
        part = found.pool if hasattr(found.pool, name) else found.outlier
        sourced = getattr(part, name)
        assert (sourced.value, sourced.origin.path) == (value, ("services", "checkout", "breaker", name))


def test_each_value_that_is_left_out_stays_the_roles() -> None:
    found = outlier(breaker=Breaker(interval=12_000))
    assert (found.interval.origin.why, found.consecutive_5xx.origin.why) == ("own choice", "role sync")


@given(st.integers(2, 10_000))
def test_an_instance_can_be_ejected_and_half_of_them_stay_however_many_there_are(replicas: int) -> None:
    percent = outlier(replicas=replicas).max_ejection_percent.value
    assert could_eject(percent, replicas)
    assert percent * replicas // 100 <= replicas / 2


ADDRESSES = Outside(host="db.example.com", addresses=("192.0.2.1", "192.0.2.2"))


@pytest.mark.parametrize(
    ("service", "ejects"),
    [
        (a_service(replicas=2), True),
        (a_service(replicas=1), False),
        # Whoever asks for all of one to be out wants an answer at once rather than a slow one.
        (a_service(replicas=1, breaker=Breaker(max_ejection_percent=100)), True),
        (a_service(replicas=1, breaker=Breaker(max_ejection_percent=99)), False),
        (
            a_service(replicas=2, versions=(Version(name="a", weight=100, replicas=1), Version(name="b", replicas=1))),
            False,
        ),
        (
            a_service(replicas=3, versions=(Version(name="a", weight=100, replicas=2), Version(name="b", replicas=1))),
            True,
        ),
        # Addresses count where they are known; by its name a service may have any number of them.
        (a_service(in_mesh=False, replicas=1, ports=(HTTP, TCP), outside=ADDRESSES), True),
        (a_service(in_mesh=False, outside=Outside(host="db.example.com", addresses=("192.0.2.1",))), False),
        (a_service(in_mesh=False, outside=Outside(host="db.example.com")), True),
        # Its connections go where they were going: there is nothing to choose from.
        (a_service(in_mesh=False, ports=(TCP,), outside=Outside(host="db.example.com")), False),
    ],
)
def test_nothing_is_ejected_where_no_other_instance_could_answer(service: Service, *, ejects: bool) -> None:
    assert policy.ejects(service) is ejects
    assert (policy.breaker(an_inventory(service), service).outlier is not None) is ejects


def test_ejections_are_watched_where_they_can_be_seen() -> None:
    """Statistics of a service outside the cluster name its host only, and are not read."""
    assert policy.watches_ejections(a_service(replicas=2))
    assert not policy.watches_ejections(a_service(replicas=1))
    assert not policy.watches_ejections(a_service(in_mesh=False, outside=Outside(host="db.example.com")))


def subset_percent(own: int | None, replicas: int) -> int | None:
    versions = (Version(name="old", weight=100), Version(name="new", replicas=replicas))
    service = a_service(replicas=3, versions=versions, breaker=Breaker(max_ejection_percent=own))
    found = policy.subset_percent(an_inventory(service), service, 1)
    return found.value if found else None


@pytest.mark.parametrize(
    ("own", "replicas", "percent"),
    [
        (None, 2, None),  # 50 does for two
        (34, 2, 50),  # 34 is enough for one of three, and not for one of two
        (34, 3, None),
        (34, 1, None),  # the only pod of a version is not ejected
        (None, 1, None),
    ],
)
def test_version_has_another_percentage_where_its_pods_need_one(
    own: int | None, replicas: int, percent: int | None
) -> None:
    """The percentage counts over a version's pods, since each subset is a cluster of its own."""
    assert subset_percent(own, replicas) == percent


@given(st.integers(1, 99), st.integers(1, 50))
def test_versions_only_pod_stays_and_of_several_one_can_go(own: int, replicas: int) -> None:
    percent = subset_percent(own, replicas) or own
    assert could_eject(percent, replicas) == (replicas > 1)


def test_connections_to_the_outside_may_take_longer_to_open() -> None:
    inside, outside = breaker(), breaker(in_mesh=False, outside=ADDRESSES)
    assert (inside.pool.connect_timeout.value, outside.pool.connect_timeout.value) == (1_000, 5_000)
    assert outside.pool.max_requests.origin.why == "role sync"


@pytest.mark.parametrize(("addresses", "ejects"), [(None, True), (1, False), (2, True)])
def test_external_host_loses_addresses_only_where_it_has_several(addresses: int | None, *, ejects: bool) -> None:
    found = policy.external_breaker(("services", "cart", "external_hosts", 0), addresses)
    assert (found.outlier is not None) is ejects
    assert not could_eject(found.outlier.max_ejection_percent.value if found.outlier else 0, 1)
