"""What becomes of requests: each rule of retries, timeouts and limits, with the figures worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from observe.graph import Graph
from observe.model import Call, Endpoint, Retries, Service
from observe.simulation.conditions import LinkCondition, ServiceCondition
from observe.simulation.outcome import Behaviour, Levels, Outcome, Setting, outcome
from observe.simulation.traffic import Link, Traffic
from tests.samples import GRPC, TCP, a_service, an_inventory

READ = Endpoint(method="GET", path="/items")
WRITE = Endpoint(method="POST", path="/items")
QUICK: Levels = (5, 10, 20, 40)
WELL = Behaviour(QUICK)


def a_link(*endpoints: Endpoint, **changes: object) -> Link:
    """From a caller to a service with a timeout of 3 s and two retries, each try limited to 975 ms."""
    callee = a_service("stock", endpoints=endpoints, **changes)
    caller = a_service("checkout", calls=(Call(service="shop/stock"),), role="gateway")
    (link,) = Traffic(Graph(an_inventory(caller, callee))).onward
    return link


def a_setting(
    callee: ServiceCondition | None = None, link: LinkCondition | None = None, *, ejected: int = 0, full: float = 0
) -> Setting:
    return Setting(callee or ServiceCondition(), link or LinkCondition(), 4, ejected, full)


def sent(result: Outcome) -> dict[tuple[str, str, str], float]:
    """The share of the requests by code, gRPC status and flags, as the caller's proxy sees them."""
    return {(one.answer.code, one.answer.grpc, one.answer.flags): round(one.part, 4) for one in result.sent}


def arrived(result: Outcome) -> dict[tuple[str, str, str], float]:
    return {(one.answer.code, one.answer.grpc, one.answer.flags): round(one.part, 4) for one in result.arrived}


def test_all_is_well() -> None:
    """One answer for each request, seen alike by both sides, with the service's own durations."""
    result = outcome(a_link(READ), WELL, a_setting())
    assert sent(result) == arrived(result) == {("200", "", "-"): 1}
    assert result.sent[0].durations == ((500, 5), (400, 10), (90, 20), (10, 40))
    assert (result.failed, result.tries, result.retried) == (0, 1, 0)


def test_an_error_of_the_application_is_not_tried_again() -> None:
    """500 is no gateway error."""
    result = outcome(a_link(READ), replace(WELL, failing=0.5, code="500"), a_setting())
    assert sent(result) == arrived(result) == {("200", "", "-"): 0.5, ("500", "", "-"): 0.5}
    assert (result.failed, result.tries) == (0.5, 1)


def test_a_gateway_error_of_a_read_is_tried_twice_more() -> None:
    """Half of the tries fail: 1 + 1/2 + 1/4 tries arrive, an eighth of the requests fails in the end."""
    result = outcome(a_link(READ), replace(WELL, failing=0.5), a_setting())
    assert sent(result) == {("200", "", "-"): 0.875, ("503", "", "URX"): 0.125}
    assert arrived(result) == {("200", "", "-"): 0.875, ("503", "", "-"): 0.875}
    assert (result.tries, result.retried, result.gave_up) == (1.75, 0.75, 0.125)
    assert result.retried_well == pytest.approx(0.375)


def test_a_write_is_tried_once() -> None:
    result = outcome(a_link(WRITE), replace(WELL, failing=0.5), a_setting())
    assert sent(result) == {("200", "", "-"): 0.5, ("503", "", "-"): 0.5}
    assert result.retried == 0


def test_an_unavailable_grpc_service_is_tried_again_and_has_code_200() -> None:
    get = Endpoint(grpc="a.B/Get", idempotent=True)
    result = outcome(a_link(get, ports=(GRPC,)), replace(WELL, failing=1), a_setting())
    assert sent(result) == {("200", "14", "URX"): 1}
    assert arrived(result) == {("200", "14", "-"): 3}


def test_whoever_stops_waiting_goes_away() -> None:
    """A write that takes 4 s ends at the timeout of 3 s: 504 to the caller, no code and DC at the callee."""
    result = outcome(a_link(WRITE), Behaviour((4_000,) * 4), a_setting())
    assert sent(result) == {("504", "", "UT"): 1}
    assert arrived(result) == {("0", "", "DC"): 1}
    assert result.sent[0].durations == ((1000, 3_000),)
    assert result.in_flight == 3


def test_a_read_that_is_slow_is_tried_three_times_within_its_timeout() -> None:
    """Each try ends after its share of the timeout; all of them and the waits together after the timeout."""
    result = outcome(a_link(READ), Behaviour((4_000,) * 4), a_setting())
    assert sent(result) == {("504", "", "UT,URX"): 1}
    assert arrived(result) == {("0", "", "DC"): 3}
    ((_, taken),) = result.sent[0].durations
    assert 2_900 < taken <= 3_000
    assert (result.tries, result.timed_out, result.late_tries) == (3, 1, 1)


def test_only_the_slow_ones_time_out() -> None:
    """One in a hundred is slower than the limit of a try."""
    result = outcome(a_link(WRITE), Behaviour((5, 10, 20, 3_500)), a_setting())
    assert sent(result) == {("200", "", "-"): 0.99, ("504", "", "UT"): 0.01}
    assert max(result.good) == 20


def test_a_bad_instance_fails_its_share_until_it_is_ejected() -> None:
    """One of four: a quarter of the writes, and of the reads a sixty-fourth, since others are asked."""
    bad = ServiceCondition(bad_instances=1)
    assert outcome(a_link(WRITE), WELL, a_setting(bad)).failed == 0.25
    assert outcome(a_link(READ), WELL, a_setting(bad)).failed == pytest.approx(1 / 64)
    assert outcome(a_link(WRITE), WELL, a_setting(bad, ejected=1)).failed == 0


def test_nothing_arrives_where_no_instance_is_left() -> None:
    """503 with UH at once, not tried again; the same when all of them are ejected."""
    for setting in (a_setting(ServiceCondition(gone=True)), a_setting(ejected=4)):
        result = outcome(a_link(READ), WELL, setting)
        assert sent(result) == {("503", "", "UH"): 1}
        assert (result.arrived, result.failed, result.tries) == ((), 1, 0)
        assert not result.sent[0].answer.arrived


def test_refused_plaintext_never_arrives() -> None:
    """The connection is closed: UC, tried again even for writes, since nothing was processed."""
    result = outcome(a_link(WRITE), WELL, a_setting(link=LinkCondition(refused=True)))
    assert sent(result) == {("503", "", "UC,URX"): 1}
    assert (result.arrived, result.tries, result.unreached) == ((), 0, 3)


def test_denied_requests_arrive_and_are_not_tried_again() -> None:
    """403; for gRPC code 200 with status 7."""
    denied = a_setting(link=LinkCondition(denied=1))
    assert sent(outcome(a_link(READ), WELL, denied)) == {("403", "", "-"): 1}
    get = Endpoint(grpc="a.B/Get", idempotent=True)
    assert sent(outcome(a_link(get, ports=(GRPC,)), WELL, denied)) == {("200", "7", "-"): 1}


def test_a_full_pool_turns_away_before_anything_else() -> None:
    result = outcome(a_link(READ), WELL, a_setting(full=0.25))
    assert sent(result) == {("200", "", "-"): 0.75, ("503", "", "UO"): 0.25}
    assert arrived(result) == {("200", "", "-"): 0.75}
    assert (result.failed, result.overflowed, result.tries) == (0.25, 0.25, 0.75)


def test_retries_that_somebody_set_anew_count_for_everything() -> None:
    """Four more tries of whatever fails, writes too."""
    result = outcome(a_link(WRITE), replace(WELL, failing=1), a_setting(link=LinkCondition(retries=4)))
    assert arrived(result) == {("503", "", "-"): 5}


def test_the_callers_own_choice_of_retries_counts() -> None:
    """As the configuration that is generated from the same inventory says."""
    callee = a_service("stock", endpoints=(READ,))
    own = Call(service="shop/stock", retries=Retries(attempts=0))
    caller = a_service("checkout", calls=(own,), role="gateway")
    (link,) = Traffic(Graph(an_inventory(caller, callee))).onward
    assert outcome(link, replace(WELL, failing=1), a_setting()).tries == 1


def test_operations_get_an_even_share() -> None:
    """Half reads, half writes: their tries and failures are the mean of both."""
    result = outcome(a_link(READ, WRITE), replace(WELL, failing=0.5), a_setting())
    assert result.tries == pytest.approx((1.75 + 1) / 2)
    assert result.failed == pytest.approx((0.125 + 0.5) / 2)
    assert {one.operation for one in result.arrived} == {"GET /items", "POST /items"}


def test_connections_to_a_broken_database_do_not_come_about() -> None:
    """What is spoken over TCP nobody sees; that a connection fails both sides know."""
    link = a_link(ports=(TCP,))
    assert outcome(link, replace(WELL, failing=0.25), a_setting()).unreached == 0.25
    assert outcome(link, WELL, a_setting(ServiceCondition(gone=True))).unreached == 1
    assert outcome(link, WELL, a_setting()).failed == 0


@pytest.mark.parametrize("failing", [0, 0.3, 1])
def test_every_request_ends_once(failing: float) -> None:
    """The shares of what the caller sees are the whole."""
    service: Service = a_link(READ, WRITE).service
    assert service.endpoints
    result = outcome(a_link(READ, WRITE), Behaviour((5, 10, 2_000, 4_000), failing), a_setting(full=0.1))
    assert sum(one.part for one in result.sent) == pytest.approx(1)
