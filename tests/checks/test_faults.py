"""OBS130 and OBS131: faults that are over, and those that are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, cast

import pytest

from observe.checks import active_fault, expired_fault
from observe.graph import Graph
from observe.model import Fault, FaultAbort, FaultDelay
from tests.samples import a_service, an_inventory

if TYPE_CHECKING:
    from types import ModuleType

    from observe.checks import Check

LAST = date(2026, 5, 31)
SLOW = Fault(name="slow", expires=LAST, delay=FaultDelay(duration=1_500, percent=11))


def on(day: date | None, check: ModuleType, fault: Fault = SLOW) -> list[str]:
    inventory = replace(an_inventory(a_service(faults=(fault,))), day=day)
    return [str(finding) for finding in cast("Check", check).find(Graph(inventory))]


def test_fault_after_its_last_day_is_an_error() -> None:
    assert on(LAST + timedelta(days=1), expired_fault) == [
        (
            "error OBS130: service shop/checkout still has the fault slow, whose last day was 2026-05-31: requests "
            "go on failing; remove it, and run observe prune --expired; or give it a new day"
        )
    ]


@pytest.mark.parametrize(
    ("day", "expired", "active"),
    [
        pytest.param(LAST - timedelta(days=1), 0, 1, id="before"),
        pytest.param(LAST, 0, 1, id="the last day counts"),
        pytest.param(LAST + timedelta(days=1), 1, 0, id="after"),
        pytest.param(None, 0, 1, id="nobody knows the day"),
    ],
)
def test_each_fault_is_one_of_the_two(day: date | None, expired: int, active: int) -> None:
    assert (len(on(day, expired_fault)), len(on(day, active_fault))) == (expired, active)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (SLOW, "11 % of requests are held back for 1500ms, whoever sends them"),
        (
            Fault(name="x", expires=LAST, abort=FaultAbort(status=503, percent=12), headers={"x-chaos": "on"}),
            "12 % are answered with 503, of those with x-chaos: on",
        ),
        (
            replace(SLOW, abort=FaultAbort(grpc_status=14, percent=13)),
            "11 % of requests are held back for 1500ms and 13 % are answered with gRPC status 14, whoever sends them",
        ),
    ],
    ids=["delay", "abort", "both"],
)
def test_active_fault_says_what_it_does(fault: Fault, said: str) -> None:
    (message,) = on(None, active_fault, fault)
    assert message == (
        f"warning OBS131: service shop/checkout has the fault {fault.name} until 2026-05-31: {said}; "
        "remove it when the experiment is over"
    )
