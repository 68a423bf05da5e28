"""The five alerts of a service. All read recorded series; thresholds come from the service's own objectives."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from observe import naming, policy
from observe.alerting.alert import Alert, Group, Severity
from observe.model import Mesh, Service, format_duration, format_percent
from observe.naming import AlertName
from observe.promql import Binary, Expr, Number
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
class _Author:
    """Writes the alerts of one service."""

    mesh: Mesh
    signals: Catalogue
    service: Service

    def alerts(self) -> Iterator[Alert]:
        limits = policy.thresholds(self.service)
        yield from self._request_alerts(limits)
        yield self._alert(
            "ServiceCircuitBreakerEjecting",
            "warning",
            self.signals.ejections,
            above(self.signals.ejections.of(self.service), limits.ejections),
            "{{ $value | humanize }} of its instances ejected by a caller",
        )
        if self.service.in_mesh and self.service.mtls.mode != "DISABLE":
            yield self._mtls_alert(limits)

    def _request_alerts(self, limits: policy.Thresholds) -> Iterator[Alert]:
        if not self.service.request_ports:
            return
        signals, service = self.signals, self.service
        slow, fast, least = signals.slow_window, signals.fast_window, limits.minimum_requests
        enough = at_least(signals.rate, service, least, slow)
        enough_fast = at_least(signals.fast_rate, service, least, fast)
        several = more_than_one(signals.failed.of(service), slow)
        several_fast = more_than_one(signals.fast_failed.of(service), fast)
        yield self._alert(
            "ServiceErrorRateHigh",
            "warning",
            signals.errors,
            guarded(above(signals.errors.of(service), limits.error_rate), enough, several),
            f"{{{{ $value | humanizePercentage }}}} of requests fail, more than {format_percent(limits.error_rate.value)}",
        )
        critical = limits.error_rate_critical
        yield self._alert(
            "ServiceErrorRateCritical",
            "critical",
            signals.fast_errors,
            guarded(above(signals.fast_errors.of(service), critical), enough_fast, several_fast),
            f"{{{{ $value | humanizePercentage }}}} of requests fail, more than {format_percent(critical.value)}",
        )
        yield self._latency_alert(limits)

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
    """Whether what is bad happened more than once in the rate window: one request is never worth an alert, however
    few there are. The limit lies between one and two, since one may look like 1.3 (`policy.OVERSTATED`)."""
    return Binary(">", bad, _per_second(1.5, window))


def _per_second(count: float, window: int) -> Number:
    """So many in a rate window of so many milliseconds, in the unit of the records; rounded down, so that just
    as many are enough."""
    return Number(math.floor(count * 1000 / window * 1e6) / 1e6)
