"""Alerts on what is not there: instances, their telemetry, their traffic. The three are told apart.

Gone: no instance reports, and Prometheus has no target of it that fails. Telemetry lost: the target is there and does
not answer. Traffic stopped: instances report, and nobody calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe import policy
from observe.alerting.conditions import has_gone, unless, while_there_is
from observe.alerting.draft import Draft
from observe.promql import Binary, Number
from observe.signals.presence import REMEMBERED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Service
    from observe.signals import Catalogue

EXPECTED: Final = 60
"""Requests in the hour before. Were they spread by chance alone, fifteen minutes without one would come once in three
million times (e^-15)."""


def presence_alerts(signals: Catalogue, service: Service) -> Iterator[Draft]:
    """The alerts of one service."""
    watched = policy.watches_proxies(signals.mesh, service)
    if watched:
        yield _gone(signals, service)
        yield _lost(signals, service)
    if policy.watches_requests(signals.mesh, service):
        yield _stopped(signals, service, watched=watched)


def _gone(signals: Catalogue, service: Service) -> Draft:
    seen = signals.presence
    condition = while_there_is(
        unless(has_gone(seen.reporting.of(service), REMEMBERED), seen.silent.of(service)), seen.mesh.where()
    )
    pages = service.tier in ("critical", "high")
    return Draft(
        "ServiceGone",
        "critical" if pages else "warning",
        "requests",
        condition,
        seen.reporting,
        "no instance reports any more; there were {{ $value | humanize }} within the last day",
        ("Prometheus has no target of it that fails, and other proxies report: its pods are gone, or have no proxy.",),
    )


def _lost(signals: Catalogue, service: Service) -> Draft:
    seen = signals.presence
    return Draft(
        "ServiceTelemetryLost",
        "warning",
        "telemetry",
        Binary(">", seen.silent.of(service), Number(0)),
        seen.silent,
        "Prometheus cannot read {{ $value | humanize }} of its proxies",
        ("Its pods are there. Until they are read, what they report is missing from panels and alerts.",),
    )


def _stopped(signals: Catalogue, service: Service, *, watched: bool) -> Draft:
    hour = signals.availability.hours[1].of(service).before("15m")
    condition = unless(Binary(">=", hour, Number(EXPECTED)), Binary(">", signals.rate.of(service), Number(0)))
    if watched:
        condition = unless(condition, has_gone(signals.presence.reporting.of(service), REMEMBERED))
    return Draft(
        "ServiceTrafficStopped",
        "warning",
        "traffic",
        while_there_is(condition, signals.presence.mesh.where()),
        signals.rate,
        "nobody calls it any more; in the hour before there were {{ $value | humanize }} requests",
        ("Its instances are there and report. Look at its callers, routes and gateways.",),
    )
