"""Which alerts of a service are looked into together: they share their causes, and so their steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe.runbooks.steps import failures, presence, resilience, security

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from observe.naming import AlertName
    from observe.runbooks.step import Step
    from observe.runbooks.subject import Subject


@dataclass(frozen=True, slots=True)
class Family:
    """Alerts with the same steps."""

    title: str
    alerts: tuple[AlertName, ...]
    steps: Callable[[Subject, Collection[AlertName]], Iterator[Step]]
    """Given the service and all alerts that it has."""


FAMILIES: Final = (
    Family(
        "Requests fail",
        (
            "ServiceErrorRateHigh",
            "ServiceErrorRateCritical",
            "ServiceErrorBudgetBurningFast",
            "ServiceErrorBudgetBurningSlow",
            "ServiceFailingAtLowTraffic",
        ),
        failures.failing,
    ),
    Family(
        "Requests are slow",
        ("ServiceLatencyHigh", "ServiceLatencyBudgetBurningFast", "ServiceLatencyBudgetBurningSlow"),
        failures.slow,
    ),
    Family("Connections fail", ("ServiceConnectionsFailing",), failures.connections),
    Family(
        "Instances, telemetry or traffic are missing",
        ("ServiceGone", "ServiceTelemetryLost", "ServiceTrafficStopped"),
        presence.missing,
    ),
    Family("Instances are ejected", ("ServiceCircuitBreakerEjecting", "ServiceEjectionsDenied"), resilience.ejections),
    Family("Pool limits turn requests away", ("ServiceConnectionPoolOverflowing",), resilience.overflow),
    Family("Callers retry too much", ("ServiceRetryStorm",), resilience.retries),
    Family("Plaintext arrives", ("ServiceMtlsCoverageLow", "ServicePlaintextCaller"), security.plaintext),
    Family("Requests are refused", ("ServiceRequestsDenied",), security.refused),
    Family("Its own calls are blocked", ("ServiceEgressBlocked",), security.egress),
)
