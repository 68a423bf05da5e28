"""What a service's alerts compare with, and its panels draw."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe.policy.breaker import ejects

if TYPE_CHECKING:
    from observe.model import Service


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit on a signal. The alert compares with it and the panel draws it: one object, so they agree."""

    value: float
    source: str


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a service's alerts compare with."""

    error_rate: Threshold
    """Share of failed requests that warns."""
    error_rate_critical: Threshold
    """Share of failed requests that is critical."""
    latency: Threshold
    """Milliseconds at the objective's quantile."""
    ejections: Threshold
    """Instances that may be ejected without an alert."""
    mtls: Threshold
    """Share of requests that must be encrypted."""
    minimum_requests: int
    """Requests in a rate window below which ratios mean nothing."""
    minimum_for_quantile: int
    """Requests in a rate window below which the quantile is one request's luck."""


def watches_mtls(service: Service) -> bool:
    """Whether plaintext to a service is worth an alert: not where it has no proxy, or plaintext was asked for."""
    return service.in_mesh and service.mtls.mode != "DISABLE"


def watches_ejections(service: Service) -> bool:
    """Whether an ejection can happen and be seen: a service with one instance has no outlier detection, and the
    statistics of a service outside the cluster do not name it.
    """
    return ejects(service) and service.outside is None


CRITICAL_FACTOR: Final = 4
MTLS_COVERAGE: Final = 0.95
OVERSTATED: Final = 4 / 3
"""By how much `rate` overstates a count at most: it sees what happened between the first and the last sample of a
window, which holds four or more, and extrapolates to the whole window."""


def thresholds(service: Service) -> Thresholds:
    """The limits a service is held to."""
    objectives = service.objectives
    return Thresholds(
        error_rate=Threshold(objectives.error_rate, "objectives.error_rate"),
        error_rate_critical=Threshold(
            round(objectives.error_rate * CRITICAL_FACTOR, 9), f"{CRITICAL_FACTOR} x objectives.error_rate"
        ),
        latency=Threshold(objectives.latency.limit, "objectives.latency.limit"),
        ejections=Threshold(0, "any ejection"),
        mtls=Threshold(MTLS_COVERAGE, "fixed"),
        minimum_requests=objectives.minimum_requests,
        minimum_for_quantile=max(objectives.minimum_requests, _one_beyond(objectives.latency.quantile)),
    )


def _one_beyond(quantile: float) -> int:
    """How many requests it takes until a single slow one cannot move the quantile: for P99 more than 100, all seen."""
    return math.ceil((math.floor(round(1 / (1 - quantile), 6)) + 1) * OVERSTATED)
