"""Alerts on requests and connections that fail or are slow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from observe import policy
from observe.alerting import told
from observe.alerting.conditions import above, at_least, guarded, more_than_one, surely_above, unless
from observe.alerting.draft import Draft
from observe.model import Service, format_duration, format_percent
from observe.promql import Binary, Expr, Number, over_time, union

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.alerting.alert import Severity
    from observe.naming import ServiceAlert
    from observe.signals import Catalogue
    from observe.signals.objectives import Budget
    from observe.signals.requests import Requests

DEVIATIONS: Final = 3.29
"""To each side of a share that was seen: chance alone goes further down once in two thousand times."""
HOUR: Final = 3_600_000
FEWEST_FAILURES: Final = 2.5
"""More than two: with one or two failures among a handful no formula is honest."""
FEWEST_TO_PAGE: Final = 4.5
"""Bad requests within the hour before a burn rate wakes somebody: more than four. Were failures spread by chance at
just the pace that is promised, two in an hour would be 14 times too many once in a hundred hours, five once in
30,000."""


@dataclass(frozen=True)
class Failures:
    """Writes the alerts on failures of one service."""

    signals: Catalogue
    service: Service
    callees: tuple[Service, ...]
    """Whom it calls and waits for."""

    def alerts(self) -> Iterator[Draft]:
        limits = policy.thresholds(self.service)
        if policy.watches_requests(self.signals.mesh, self.service):
            yield self._errors("ServiceErrorRateHigh", "warning", self.signals.slow, limits.error_rate)
            yield self._errors("ServiceErrorRateCritical", "critical", self.signals.fast, limits.error_rate_critical)
            yield self._latency(limits)
            yield from self._burning()
            yield self._few(limits)
        if policy.watches_lost_connections(self.signals.mesh, self.service):
            yield self._connections(limits)

    def _errors(self, name: ServiceAlert, severity: Severity, seen: Requests, limit: policy.Threshold) -> Draft:
        service = self.service
        condition = guarded(
            above(seen.errors.of(service), limit),
            at_least(seen.rate.of(service), service.objectives.minimum_requests, seen.window),
            more_than_one(seen.failed.of(service), seen.window),
        )
        says = f"{{{{ $value | humanizePercentage }}}} of requests fail, more than {format_percent(limit.value)}"
        return Draft(name, severity, "requests", condition, seen.errors, says, self._worst, "error_rate")

    def _latency(self, limits: policy.Thresholds) -> Draft:
        service, objective = self.service, self.service.objectives.latency
        signal, slow = self.signals.latency(objective.quantile), self.signals.slow
        condition = guarded(
            above(signal.of(service), limits.latency),
            at_least(slow.rate.of(service), limits.minimum_for_quantile, slow.window),
        )
        says = f'{signal.title} is {{{{ printf "%.0f" $value }}}} ms, more than {format_duration(objective.limit)}'
        return Draft("ServiceLatencyHigh", "warning", "requests", condition, signal, says, self._slowest, "latency")

    def _burning(self) -> Iterator[Draft]:
        signals, mesh = self.signals, self.signals.mesh
        window = format_duration(signals.slow.window)
        failing = policy.availability_budget(self.service)
        late = policy.latency_budget(self.service)
        speeds: tuple[tuple[policy.Speed, Severity], ...] = (("fast", "critical"), ("slow", "warning"))
        for speed, severity in speeds:
            pace = "Fast" if speed == "fast" else "Slow"
            if failing and (burns := policy.burns(mesh, failing, speed, window)):
                condition = self._burns(signals.availability, burns, speed)
                promise = f"{format_percent(1 - failing)} good requests over {mesh.objective_days} days"
                says = f"{{{{ $value | humanizePercentage }}}} of requests fail: {_pace(burns)} for {promise}"
                name: ServiceAlert = f"ServiceErrorBudgetBurning{pace}"  # type: ignore[assignment]
                signal = signals.availability.over(burns[0].long)
                yield Draft(name, severity, "requests", condition, signal, says, self._worst, "availability")
            if late and (burns := policy.burns(mesh, late, speed, window)):
                objective = self.service.objectives.latency
                condition = self._burns(signals.punctuality, burns, speed)
                promise = f"{format_percent(objective.quantile)} faster than {format_duration(objective.limit)}"
                says = f"{{{{ $value | humanizePercentage }}}} of requests are too slow: {_pace(burns)} for {promise}"
                name = f"ServiceLatencyBudgetBurning{pace}"  # type: ignore[assignment]
                signal = signals.punctuality.over(burns[0].long)
                yield Draft(name, severity, "requests", condition, signal, says, self._slowest, "latency")

    def _burns(self, budget: Budget, burns: tuple[policy.Burn, ...], speed: policy.Speed) -> Expr:
        """Both windows of one pair at least, and bad requests enough in the time that matters: one is nothing."""
        service = self.service
        pairs = (
            guarded(
                Binary(">", budget.over(burn.long).of(service), Number(burn.limit)),
                Binary(">", budget.over(burn.short).of(service), Number(burn.limit)),
            )
            for burn in burns
        )
        condition = union(*pairs)
        bad = budget.hours[0].of(service)
        if speed == "fast":
            # Half an hour after its end the second pair would still page for what the first windows no longer show.
            least = min(burn.limit for burn in burns)
            condition = guarded(condition, Binary(">", budget.shares[0][1].of(service), Number(least)))
            return guarded(condition, Binary(">", bad, Number(FEWEST_TO_PAGE)))
        return guarded(condition, Binary(">", over_time("sum", bad, "6h:1h"), Number(1.5)))

    def _few(self, limits: policy.Thresholds) -> Draft:
        """For services with too few requests for the other alerts: an hour is judged, and chance is allowed for."""
        service, signals = self.service, self.signals
        bad, whole = (signal.of(service) for signal in signals.availability.hours)
        window = signals.slow.window
        judged = at_least(signals.rate.of(service), limits.minimum_requests, window)
        # Of an hour with many requests the other alerts have said what there was to say.
        condition = unless(
            guarded(
                surely_above(bad, whole, limits.error_rate.value, DEVIATIONS),
                Binary(">", bad, Number(FEWEST_FAILURES)),
                Binary("<", whole, Number(limits.minimum_requests * HOUR / window)),
            ),
            judged,
        )
        says = (
            f"with few requests an hour, surely more than {format_percent(limits.error_rate.value)} fail: "
            "at least {{ $value | humanizePercentage }}, chance allowed for"
        )
        signal = signals.availability.over("1h")
        name: ServiceAlert = "ServiceFailingAtLowTraffic"
        return Draft(name, "warning", "requests", condition, signal, says, self._worst, "error_rate")

    def _connections(self, limits: policy.Thresholds) -> Draft:
        service, tcp = self.service, self.signals.connections
        condition = guarded(
            above(tcp.share.of(service), limits.connections),
            more_than_one(tcp.failed.of(service), self.signals.fast.window),
        )
        says = (
            "{{ $value | humanizePercentage }} of new TCP connections fail, "
            f"more than {format_percent(limits.connections.value)}"
        )
        return Draft("ServiceConnectionsFailing", "critical", "requests", condition, tcp.share, says, (), "error_rate")

    @cached_property
    def _worst(self) -> tuple[str, ...]:
        signals, service = self.signals, self.service
        return (
            told.worst_endpoint(signals, service),
            told.worst_caller(signals, service),
            told.dominant_flag(signals, service),
            told.failing_callee(signals, self.callees, service.objectives.error_rate),
        )

    @cached_property
    def _slowest(self) -> tuple[str, ...]:
        signals, service = self.signals, self.service
        return (
            told.busiest_caller(signals, service),
            told.dominant_flag(signals, service),
            told.slowest_callee(signals, self.callees, service.objectives.latency.quantile),
        )


def _pace(burns: tuple[policy.Burn, ...]) -> str:
    first = burns[0]
    return f"in {first.long} it uses up {format_percent(first.used)} of the budget or more"
