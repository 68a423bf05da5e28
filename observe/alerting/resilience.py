"""Alerts on circuit breakers, connection pools and retries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe import policy
from observe.alerting import told
from observe.alerting.conditions import above, at_least, guarded, more_than_one
from observe.alerting.draft import Draft
from observe.model import format_percent
from observe.promql import ratio
from observe.telemetry import has_flag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Service
    from observe.signals import Catalogue


def resilience_alerts(signals: Catalogue, service: Service) -> Iterator[Draft]:
    """The alerts of one service."""
    if not policy.has_envoy(signals.mesh, service):
        return
    limits = policy.thresholds(service)
    if policy.watches_ejections(service):
        yield _ejecting(signals, service, limits)
        yield _denied(signals, service)
    if service.request_ports:
        yield _turned_away(signals, service, limits)
        if service.outside is None:
            # Envoy's statistics do not name a service outside the cluster.
            yield _retry_storm(signals, service, limits)
    elif service.outside is None:
        yield _overflowing(signals, service)


def _ejecting(signals: Catalogue, service: Service, limits: policy.Thresholds) -> Draft:
    signal = signals.breakers.ejections
    return Draft(
        "ServiceCircuitBreakerEjecting",
        "warning",
        "requests",
        above(signal.of(service), limits.ejections),
        signal,
        "{{ $value | humanize }} of its instances ejected by a caller",
        _failing(signals, service),
    )


def _denied(signals: Catalogue, service: Service) -> Draft:
    signal = signals.breakers.denied
    return Draft(
        "ServiceEjectionsDenied",
        "warning",
        "requests",
        more_than_one(signal.of(service), signals.slow.window),
        signal,
        "failing instances stay in load balancing, since no more may be ejected",
        _failing(signals, service),
    )


def _failing(signals: Catalogue, service: Service) -> tuple[str, ...]:
    """Whose requests fail and how; of TCP connections nobody counts that."""
    if not service.request_ports:
        return ()
    return told.worst_caller(signals, service), told.dominant_flag(signals, service, explained=False)


def _turned_away(signals: Catalogue, service: Service, limits: policy.Thresholds) -> Draft:
    signal, limit = signals.breakers.turned_away, limits.turned_away
    share = ratio(signal.of(service), signals.rate.of(service))
    return Draft(
        "ServiceConnectionPoolOverflowing",
        "warning",
        "requests",
        guarded(above(share, limit), more_than_one(signal.of(service), signals.slow.window)),
        signal,
        "pool limits turn away {{ $value | humanizePercentage }} of requests, "
        f"more than {format_percent(limit.value)}",
        (told.flagged_caller(signals, service, has_flag("UO"), gets="Turned away"),),
    )


def _overflowing(signals: Catalogue, service: Service) -> Draft:
    """Of a service without requests: connections over the limit, as Envoy counts them."""
    signal = signals.breakers.overflow
    return Draft(
        "ServiceConnectionPoolOverflowing",
        "warning",
        "requests",
        more_than_one(signal.of(service), signals.slow.window),
        signal,
        "pool limits turn away {{ $value | humanize }} connections per second",
    )


def _retry_storm(signals: Catalogue, service: Service, limits: policy.Thresholds) -> Draft:
    signal, slow = signals.retries.share, signals.slow
    return Draft(
        "ServiceRetryStorm",
        "warning",
        "requests",
        guarded(
            above(signal.of(service), limits.retries),
            at_least(slow.rate.of(service), limits.minimum_requests, slow.window),
            more_than_one(signals.retries.rate.of(service), slow.window),
        ),
        signal,
        "callers retry {{ $value | humanizePercentage }} of requests, "
        f"more than {format_percent(limits.retries.value)}",
        (told.busiest_caller(signals, service), told.dominant_flag(signals, service, explained=False)),
    )
