"""The five alerts of a service. All read recorded series; thresholds come from the service's own objectives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe import naming, policy
from observe.alerting.alert import Alert, Group, Severity
from observe.model import Mesh, Service, format_duration, format_percent
from observe.promql import Binary, Expr, Number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.naming import AlertName
    from observe.signals import Catalogue, Signal

MINUTE: Final = 60_000
HOLD: Final[dict[AlertName, int]] = {
    "ServiceErrorRateHigh": 2 * MINUTE,
    "ServiceErrorRateCritical": MINUTE,
    "ServiceLatencyHigh": 3 * MINUTE,
    "ServiceCircuitBreakerEjecting": MINUTE,
    "ServiceMtlsCoverageLow": 5 * MINUTE,
}
"""How long each condition must last before it is worth a person's time."""


def service_alerts(mesh: Mesh, signals: Catalogue, service: Service) -> Group:
    """The alerts of one service."""
    rules = tuple(_Author(mesh, signals, service).alerts())
    return Group(f"{mesh.name}-{service.namespace}-{service.name}", mesh.prometheus.evaluation_interval, rules)


@dataclass(frozen=True, slots=True)
class _Failures:
    """Failed requests as one rate window shows them."""

    ratio: Signal
    failed: Signal
    traffic: Signal
    window: int
    """Milliseconds."""


@dataclass(frozen=True, slots=True)
class _Author:
    """Writes the alerts of one service."""

    mesh: Mesh
    signals: Catalogue
    service: Service

    def alerts(self) -> Iterator[Alert]:
        limits = policy.thresholds(self.service)
        yield from self._request_alerts(limits)
        if policy.watches_ejections(self.service):
            yield self._ejections_alert(limits)
        if policy.watches_mtls(self.service):
            yield self._mtls_alert(limits)

    def _request_alerts(self, limits: policy.Thresholds) -> Iterator[Alert]:
        if not self.service.request_ports:
            return
        signals = self.signals
        slow = _Failures(signals.errors, signals.failed, signals.rate, signals.slow_window)
        fast = _Failures(signals.fast_errors, signals.fast_failed, signals.fast_rate, signals.fast_window)
        least = limits.minimum_requests
        yield self._error_alert("ServiceErrorRateHigh", "warning", slow, limits.error_rate, least)
        yield self._error_alert("ServiceErrorRateCritical", "critical", fast, limits.error_rate_critical, least)
        yield self._latency_alert(limits)

    def _error_alert(
        self, name: AlertName, severity: Severity, seen: _Failures, limit: policy.Threshold, least: int
    ) -> Alert:
        service = self.service
        condition = above(seen.ratio.of(service), limit)
        enough = at_least(seen.traffic, service, least, seen.window)
        several = more_than_one(seen.failed.of(service), seen.window)
        says = f"{{{{ $value | humanizePercentage }}}} of requests fail, more than {format_percent(limit.value)}"
        return self._alert(name, severity, seen.ratio, guarded(condition, enough, several), says)

    def _latency_alert(self, limits: policy.Thresholds) -> Alert:
        objective = self.service.objectives.latency
        signal = self.signals.latency(objective.quantile)
        enough = at_least(self.signals.rate, self.service, limits.minimum_for_quantile, self.signals.slow_window)
        return self._alert(
            "ServiceLatencyHigh",
            "warning",
            signal,
            guarded(above(signal.of(self.service), limits.latency), enough),
            f'{signal.title} is {{{{ printf "%.0f" $value }}}} ms, more than {format_duration(objective.limit)}',
        )

    def _ejections_alert(self, limits: policy.Thresholds) -> Alert:
        signal = self.signals.ejections
        condition = above(signal.of(self.service), limits.ejections)
        says = "{{ $value | humanize }} of its instances ejected by a caller"
        return self._alert("ServiceCircuitBreakerEjecting", "warning", signal, condition, says)

    def _mtls_alert(self, limits: policy.Thresholds) -> Alert:
        signal, traffic = self.signals.mtls(self.service), self.signals.mtls_traffic(self.service)
        enough = at_least(traffic, self.service, limits.minimum_requests, self.signals.slow_window)
        several = more_than_one(self.signals.mtls_plaintext(self.service), self.signals.slow_window)
        below = Binary("<", signal.of(self.service), Number(limits.mtls.value))
        return self._alert(
            "ServiceMtlsCoverageLow",
            "warning",
            signal,
            guarded(below, enough, several),
            f"only {{{{ $value | humanizePercentage }}}} of what arrives is mutual TLS, "
            f"less than {format_percent(limits.mtls.value)}",
        )

    def _alert(self, name: AlertName, severity: Severity, signal: Signal, expression: Expr, says: str) -> Alert:
        service = self.service
        labels = {
            "severity": severity,
            "mesh": self.mesh.name,
            "service": service.name,
            "service_namespace": service.namespace,
            "owner": service.owner,
            "tier": service.tier,
        }
        annotations = {
            "summary": f"{service.namespace}/{service.name}: {says}",
            "description": f"{signal.description} Owner: {service.owner}. Tier: {service.tier}. Role: {service.role}.",
            "runbook_url": naming.runbook_url(self.mesh.runbook_base_url, name),
            **self._links(signal),
        }
        return Alert(name, expression, HOLD[name], severity, tuple(labels.items()), tuple(annotations.items()))

    def _links(self, signal: Signal) -> dict[str, str]:
        """The service's dashboard, and the panel on it that shows what the alert compares."""
        grafana = self.mesh.grafana.url
        if grafana is None:
            return {}
        uid = naming.service_uid(self.mesh.name, self.service.namespace, self.service.name)
        return {
            "dashboard_url": naming.dashboard_url(grafana, uid),
            "panel_url": naming.panel_url(grafana, uid, signal.id),
        }


def above(value: Expr, limit: policy.Threshold) -> Expr:
    return Binary(">", value, Number(limit.value))


def guarded(condition: Expr, *guards: Expr) -> Expr:
    """The condition, where every guard holds as well. Its value stays the left side's."""
    for guard in guards:
        condition = Binary("and", condition, guard)
    return condition


def at_least(traffic: Signal, service: Service, requests: int, window: int) -> Expr:
    """Whether so many requests came in the rate window."""
    return Binary(">=", traffic.of(service), _per_second(requests, window))


def more_than_one(bad: Expr, window: int) -> Expr:
    """Whether what is bad happened more than once in the rate window: one request alone is never worth an alert.

    The limit lies between one and two, since one may look like 1.3 (`policy.OVERSTATED`).
    """
    return Binary(">", bad, _per_second(1.5, window))


def _per_second(count: float, window: int) -> Number:
    """So many in a rate window of milliseconds, in the unit of the records; rounded down: just as many are enough."""
    return Number(math.floor(count * 1000 / window * 1e6) / 1e6)
