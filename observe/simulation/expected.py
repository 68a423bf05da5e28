"""Which alerts an incident must lead to at least, told from what it does to requests."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from observe.policy import thresholds
from observe.simulation.conditions import together

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from observe.model import Service
    from observe.simulation.cast import Cast
    from observe.simulation.conditions import Effect, ServiceCondition
    from observe.simulation.engine import Moment

CLEARLY: Final = 1.5
"""So many times the threshold, so that nobody argues about the last digit."""
WINDOW: Final = 300
"""Seconds of a rate window."""

Expectation = tuple[str, str]
"""An alert's name, and the id of the service that it is about; empty for one about the mesh."""


def expected(cast: Cast, effects: Iterable[Effect]) -> tuple[Expectation, ...]:
    """The alerts about requests and connections that must fire while all effects hold."""
    moment = cast.engine.moment(together(effects))
    return tuple(alert for service in cast.inventory.in_mesh for alert in _of_service(cast, moment, service))


def _of_service(cast: Cast, moment: Moment, service: Service) -> Iterator[Expectation]:
    rate, failed, slow, lost = _seen(cast, moment, service)
    limits = thresholds(service)
    if rate * WINDOW >= limits.minimum_requests * 2:
        if failed > limits.error_rate_critical.value * CLEARLY or failed > 0.95:
            yield "ServiceErrorRateCritical", service.id
        if failed > limits.error_rate.value * CLEARLY:
            yield "ServiceErrorRateHigh", service.id
        if rate * WINDOW >= limits.minimum_for_quantile * 2 and slow > (1 - service.objectives.latency.quantile) * 5:
            yield "ServiceLatencyHigh", service.id
    if lost > 0.5:
        yield "ServiceConnectionsFailing", service.id


def _seen(cast: Cast, moment: Moment, service: Service) -> tuple[float, float, float, float]:
    """Requests per second to a service that somebody reports, the shares that fail and that are slower than promised,
    and the share of connections that fail.
    """
    rate = failed = slow = connections = lost = 0.0
    limit = service.objectives.latency.limit
    for index, link in enumerate(cast.engine.links):
        if link.service.id != service.id:
            continue
        result, here = moment.outcomes[index], moment.rates[index]
        if link.origin and _reports_nothing(moment.conditions.of(link.origin.id)):
            continue
        if link in cast.seen:
            rate += here
            failed += here * sum(told.part for told in result.sent if is_failure(told.answer.code, told.answer.grpc))
            slow += here * sum(
                told.part * weight / sum(share for share, _ in told.durations)
                for told in result.sent
                for weight, taken in told.durations
                if taken > limit
            )
        elif link.is_tcp and link.caller.proxy:
            connections += here
            lost += here * result.unreached
    return rate, _ratio(failed, rate), _ratio(slow, rate), _ratio(lost, connections)


def _reports_nothing(condition: ServiceCondition) -> bool:
    return condition.without_proxy or condition.gone


def is_failure(code: str, grpc: str) -> bool:
    """Whether an answer counts as the server's or the network's fault."""
    return code.startswith("5") or grpc in ("2", "4", "12", "13", "14", "15")


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 and math.isfinite(whole) else 0.0
