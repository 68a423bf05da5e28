"""Outlier detection by the second: after how many failures, for how long, and how many at most."""

from __future__ import annotations

from dataclasses import replace

import pytest

from observe.model import Breaker
from observe.policy import OutlierPolicy, breaker
from observe.simulation.ejection import Detector, Tries
from tests.samples import a_service, an_inventory


def a_policy(**changes: object) -> OutlierPolicy:
    """Five failures in a row, thirty seconds, half of the instances."""
    service = a_service(breaker=Breaker(**changes))  # type: ignore[arg-type]
    policy = breaker(an_inventory(service), service).outlier
    assert policy is not None
    return policy


def watch(detector: Detector, tries: Tries, seconds: int, *, step: int = 15) -> list[int]:
    """How many instances are out at each second; each second is a tick."""
    out = []
    for second in range(seconds):
        detector.let_in(second)
        if second % step == 0:
            detector.note()
        out.append(detector.out)
        detector.watch(tries, second // step, second + 1)
    detector.note()
    return out


def test_an_instance_that_fails_five_times_is_out_for_thirty_seconds() -> None:
    """One request a second to each: out in the sixth second, and back half a minute later."""
    out = watch(Detector(a_policy(), 4), Tries(each=1, failing=0.25, bad=1), 36)
    assert out == [0] * 5 + [1] * 30 + [0]


def test_each_ejection_lasts_longer() -> None:
    """Thirty seconds, then sixty, as long as it is bad again when it comes back."""
    out = watch(Detector(a_policy(), 4), Tries(each=5, failing=0.25, bad=1), 130)
    assert out == [0] + [1] * 30 + [0] + [1] * 60 + [0] + [1] * 37


def test_no_more_are_out_than_may_be() -> None:
    """All of four fail: half of them are out, the other ejections are refused and counted."""
    detector = Detector(a_policy(), 4)
    out = watch(detector, Tries(each=5, failing=1, bad=0), 15)
    assert out == [0] + [2] * 14
    seen = detector.ejections(2)
    assert (seen.active, seen.enforced) == ((0, 2), (2,))
    # Two were refused at once, and both of those that stay fail five more times in each of the 14 seconds left.
    assert seen.refused == (2 + 2 * 14,)


@pytest.mark.parametrize(("percent", "ejected"), [(33, 0), (34, 1)])
def test_a_third_is_34_per_cent(percent: int, ejected: int) -> None:
    """Of three instances one is more than 33 %: seen on a real Envoy, whose overflow counter rises instead."""
    detector = Detector(a_policy(max_ejection_percent=percent), 3)
    assert watch(detector, Tries(each=5, failing=1 / 3, bad=1), 15)[-1] == ejected
    assert bool(detector.ejections(2).refused[0]) is not bool(ejected)


def test_few_failures_eject_nothing() -> None:
    """A tenth of all requests fails, at every instance alike: five in a row hardly happen."""
    detector = Detector(a_policy(), 4)
    watch(detector, Tries(each=100, failing=0.1, bad=0), 60)
    assert not detector.ejections(5)


def test_half_of_all_failing_takes_longer() -> None:
    """Five in a row among failures of one half: after 62 requests on average."""
    out = watch(Detector(a_policy(), 4), Tries(each=1, failing=0.5, bad=0), 64)
    assert out.index(2) == 62


def test_a_success_begins_the_count_anew() -> None:
    detector = Detector(a_policy(), 4)
    bad, well = Tries(each=1, failing=0.25, bad=1), Tries(each=1, failing=0, bad=0)
    watch(detector, bad, 4)
    watch(detector, well, 1)
    assert watch(detector, bad, 5)[-1] == 0
    assert replace(bad, each=2).each == 2
