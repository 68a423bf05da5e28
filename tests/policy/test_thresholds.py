"""What alerts compare with."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observe import policy
from observe.model import LatencyObjective, Objectives
from tests.samples import a_service


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
