"""Few requests: what chance alone would do is no alert, and what it would hardly do is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.simulation import Recorder, failure
from tests.alerting.incidents import FEW, HIGH, QUIET, always_quiet, flow, recorder
from tests.alerting.proof import FIRING, PENDING, Case, prove, rules_of
from tests.samples import a_service, an_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Service
    from tests.servers.prometheus_server import Promtool

SPACING: Final = 6
"""Minutes from one failure to the next: never two in a rate window."""


def failures(service: Service, count: int, fine: int = 0, over: float = 50) -> Recorder:
    """So many requests fail, one every few minutes; so many are fine, evenly spread over the minutes."""
    told = recorder().requests(service, flow((over, fine / over), (60 - over, 0)))
    single = [(SPACING - 0.25, 0.0), (0.25, 4.0)] * count
    return told.requests(service, flow(*single, (60 - SPACING * count, 0)), failure(service))


CASES: Final = (
    Case("1 of 1 fails", lambda service: failures(service, 1), always_quiet(5, 7, 9, 12, 20, 40)),
    Case("2 of 2 fail", lambda service: failures(service, 2), always_quiet(7, 13, 15, 20, 40)),
    Case(
        "3 of 3 fail",
        lambda service: failures(service, 3),
        {17: QUIET, 23: {FEW: FIRING}, 40: {FEW: FIRING}, 59: {FEW: FIRING}},
    ),
    Case("3 of 60 fail", lambda service: failures(service, 3, 57), always_quiet(17, 20, 23, 45, 52)),
    Case("1 of 60 fails", lambda service: failures(service, 1, 59), always_quiet(9, 15, 30, 52)),
    Case("9 of 60 fail", lambda service: failures(service, 9, 51), {30: QUIET, 58: {FEW: FIRING}}),
)


def test_few_failures_among_few_requests(promtool: Promtool, tmp_path: Path) -> None:
    """At 5 %: 3 of 3 would come by chance once in 8,000 times; 3 of 60 is what is allowed."""
    service = a_service()
    prove(promtool, tmp_path, rules_of(an_inventory(service), service), service, *CASES)


def outage(service: Service, minutes: float) -> Recorder:
    """All of 20 requests a minute fail for so long; then nobody calls."""
    told = recorder().requests(service, flow((10, 20), (50, 0)))
    return told.requests(service, flow((10, 0), (minutes, 20), (50 - minutes, 0)), failure(service))


def test_hour_with_many_requests_is_none_with_few(promtool: Promtool, tmp_path: Path) -> None:
    """Else every outage would be told once more when the callers have gone home."""
    service = a_service()
    cases = (Case("an outage, and nobody calls any more", lambda service: outage(service, 8), {26: QUIET, 40: QUIET}),)
    prove(promtool, tmp_path, rules_of(an_inventory(service), service), service, *cases)


def test_enough_requests_are_judged_by_the_minute(promtool: Promtool, tmp_path: Path) -> None:
    service = a_service()

    def bad(service: Service) -> Recorder:
        told = recorder().requests(service, flow((30, 5.5)))
        return told.requests(service, flow((10, 0), (20, 1)), failure(service))

    case = Case("1 of 6.5 a minute fails", bad, {12: {HIGH: PENDING}, 20: {HIGH: FIRING}})
    prove(promtool, tmp_path, rules_of(an_inventory(service), service), service, case)
