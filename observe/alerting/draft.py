"""An alert before it is addressed: what it compares and says, not yet whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from observe.alerting.alert import Category, Severity
    from observe.naming import AlertName
    from observe.promql import Expr
    from observe.signals import Signal

MINUTE: Final = 60_000
HOLD: Final[dict[AlertName, int]] = {
    "ServiceErrorRateHigh": 2 * MINUTE,
    "ServiceErrorRateCritical": MINUTE,
    "ServiceLatencyHigh": 3 * MINUTE,
    "ServiceErrorBudgetBurningFast": 2 * MINUTE,
    "ServiceErrorBudgetBurningSlow": 15 * MINUTE,
    "ServiceLatencyBudgetBurningFast": 2 * MINUTE,
    "ServiceLatencyBudgetBurningSlow": 15 * MINUTE,
    "ServiceFailingAtLowTraffic": 2 * MINUTE,
    "ServiceConnectionsFailing": MINUTE,
    "ServiceGone": 2 * MINUTE,
    "ServiceTelemetryLost": 5 * MINUTE,
    "ServiceTrafficStopped": 10 * MINUTE,
    "ServiceCircuitBreakerEjecting": MINUTE,
    "ServiceEjectionsDenied": 2 * MINUTE,
    "ServiceConnectionPoolOverflowing": 2 * MINUTE,
    "ServiceRetryStorm": 3 * MINUTE,
    "ServiceMtlsCoverageLow": 5 * MINUTE,
    "ServicePlaintextCaller": 2 * MINUTE,
    "ServiceRequestsDenied": 5 * MINUTE,
    "ServiceEgressBlocked": 2 * MINUTE,
    "MeshTelemetryLost": 2 * MINUTE,
    "MeshWorkloadCertificateExpiring": 10 * MINUTE,
    "MeshCaCertificateExpiring": 10 * MINUTE,
    "ControlPlaneDown": 3 * MINUTE,
    "ControlPlaneConfigurationRejected": 5 * MINUTE,
    "ControlPlanePushFailing": 5 * MINUTE,
    "ControlPlaneConvergenceSlow": 10 * MINUTE,
    "SidecarInjectionFailing": 5 * MINUTE,
}
"""How long each condition must last before it is worth a person's time."""

KEEP: Final[dict[AlertName, int]] = {
    "ServiceErrorRateCritical": 5 * MINUTE,
    "ServiceConnectionsFailing": 5 * MINUTE,
}
"""How long pages with a short window outlast their condition. Their callers' alerts have longer windows, and would page
in the minutes in which nothing mutes them any more; a fault that comes and goes would page anew each time."""

Objective = Literal["error_rate", "latency", "availability", "mtls"]


@dataclass(frozen=True, slots=True)
class Draft:
    """What an alert compares and says."""

    name: AlertName
    severity: Severity
    category: Category
    expression: Expr
    signal: Signal
    """What the panel that it links to shows."""
    says: str
    """What is the matter, after the service's name; a template."""
    details: tuple[str, ...] = ()
    """More sentences; templates too."""
    objective: Objective | None = None
    """The promise that it holds the service to: the label `slo`."""
