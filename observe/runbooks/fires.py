"""When an alert fires, in words, with the very numbers that the rule compares with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from observe import policy
from observe.alerting.failures import DEVIATIONS, FEWEST_FAILURES, FEWEST_TO_PAGE
from observe.alerting.presence import EXPECTED
from observe.model import format_duration, format_percent
from observe.policy.platform import DAY, HOUR
from observe.signals.platform import WINDOW as EVENTS
from observe.signals.presence import REMEMBERED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from observe.model import Service
    from observe.naming import AlertName
    from observe.policy import Burn, Speed
    from observe.signals import Catalogue


def fires(signals: Catalogue, service: Service, alert: AlertName) -> str:
    """When an alert of a service fires."""
    return WORDS[alert](signals, service)


def _errors(signals: Catalogue, service: Service) -> str:
    limit = policy.thresholds(service).error_rate
    return f"more than {format_percent(limit.value)} of the requests of {_slow(signals)} fail; {_judged(service)}"


def _critical(signals: Catalogue, service: Service) -> str:
    limit, window = policy.thresholds(service).error_rate_critical, format_duration(signals.fast.window)
    return f"more than {format_percent(limit.value)} of the requests of {window} fail; {_judged(service)}"


def _latency(signals: Catalogue, service: Service) -> str:
    objective, fewest = service.objectives.latency, policy.thresholds(service).minimum_for_quantile
    title = signals.latency(objective.quantile).title
    return f"{title} is above {format_duration(objective.limit)}; {fewest} requests or more in {_slow(signals)}"


def _burning(speed: Speed, budget: Callable[[Service], float | None], verb: str) -> Callable[[Catalogue, Service], str]:
    def said(signals: Catalogue, service: Service) -> str:
        share, days = budget(service), signals.mesh.objective_days
        burns = policy.burns(signals.mesh, share, speed, _slow(signals)) if share else ()
        pairs = " or ".join(_burn(burn, verb, days) for burn in burns)
        if speed == "slow":
            return f"{pairs}; more than one of the last six hours"
        least = format_percent(min((burn.limit for burn in burns), default=0))
        return (
            f"{pairs}; {math.ceil(FEWEST_TO_PAGE)} or more of the last hour, and more than {least} of the last "
            f"{_slow(signals)}"
        )

    return said


def _burn(burn: Burn, verb: str, days: int) -> str:
    return (
        f"more than {format_percent(burn.limit)} {verb} over {burn.long} and still over {burn.short} "
        f"({format_percent(burn.used)} of {days} days' budget in {burn.long}, {burn.factor:g} times the even pace)"
    )


def _few(signals: Catalogue, service: Service) -> str:
    limits = policy.thresholds(service)
    return (
        f"fewer than {limits.minimum_requests} requests in {_slow(signals)}, and of those of the last hour "
        f"{math.ceil(FEWEST_FAILURES)} or more fail, and even the lower end of their share is above "
        f"{format_percent(limits.error_rate.value)} (Wilson's interval, {DEVIATIONS:g} standard deviations)"
    )


def _connections(signals: Catalogue, service: Service) -> str:
    limit, window = policy.thresholds(service).connections, format_duration(signals.fast.window)
    return f"more than {format_percent(limit.value)} of the connections of {window} fail, and more than one"


def _gone(signals: Catalogue, service: Service) -> str:  # noqa: ARG001 - the shape of all
    return (
        f"instances reported within {REMEMBERED}, none does now, Prometheus has no failing target of it, others report"
    )


def _lost(signals: Catalogue, service: Service) -> str:  # noqa: ARG001
    return "a pod whose proxy was read within the hour is still a target, and does not answer"


def _stopped(signals: Catalogue, service: Service) -> str:
    there = ", and instances report" if policy.watches_proxies(signals.mesh, service) else ""
    return f"no request now, {EXPECTED} or more in the hour that ended 15 minutes ago{there}"


def _ejecting(signals: Catalogue, service: Service) -> str:  # noqa: ARG001
    return f"a caller keeps more than {policy.thresholds(service).ejections.value:g} instances out"


def _denied_ejections(signals: Catalogue, service: Service) -> str:  # noqa: ARG001
    return f"more than one ejection in {_slow(signals)} was due and forbidden by maxEjectionPercent"


def _overflowing(signals: Catalogue, service: Service) -> str:
    if not service.request_ports:
        return f"pool limits turn away more than one connection in {_slow(signals)}"
    limit = policy.thresholds(service).turned_away
    return f"pool limits turn away more than {format_percent(limit.value)} of the requests of {_slow(signals)}"


def _retries(signals: Catalogue, service: Service) -> str:
    limits = policy.thresholds(service)
    return (
        f"callers retry more than {format_percent(limits.retries.value)} of the requests of {_slow(signals)}; "
        f"{limits.minimum_requests} requests or more, and more than one retry"
    )


def _coverage(signals: Catalogue, service: Service) -> str:
    limits = policy.thresholds(service)
    whose = "what arrives" if service.mtls.mode == "STRICT" else "what arrives from callers with a proxy"
    return (
        f"less than {format_percent(limits.mtls.value)} of {whose} in {_slow(signals)} is mutual TLS; "
        f"{limits.minimum_requests} or more arrive, and more than one in plaintext"
    )


def _plaintext(signals: Catalogue, service: Service) -> str:
    if service.mtls.mode == "STRICT":
        return f"more than one request or connection in {_slow(signals)} arrives in plaintext, although it is STRICT"
    return f"more than one in {_slow(signals)} arrives in plaintext from callers with a proxy, after a day without"


def _refused(signals: Catalogue, service: Service) -> str:  # noqa: ARG001
    return f"authorization policies refuse more than one request in {_slow(signals)}"


def _blocked(signals: Catalogue, service: Service) -> str:  # noqa: ARG001
    return f"the mesh blocks more than one of its requests or connections in {_slow(signals)}"


def _slow(signals: Catalogue) -> str:
    return format_duration(signals.slow.window)


def _judged(service: Service) -> str:
    return f"{service.objectives.minimum_requests} requests or more, and more than one failure"


WORDS: Final[Mapping[AlertName, Callable[[Catalogue, Service], str]]] = {
    "ServiceErrorRateHigh": _errors,
    "ServiceErrorRateCritical": _critical,
    "ServiceLatencyHigh": _latency,
    "ServiceErrorBudgetBurningFast": _burning("fast", policy.availability_budget, "fail"),
    "ServiceErrorBudgetBurningSlow": _burning("slow", policy.availability_budget, "fail"),
    "ServiceLatencyBudgetBurningFast": _burning("fast", policy.latency_budget, "are too slow"),
    "ServiceLatencyBudgetBurningSlow": _burning("slow", policy.latency_budget, "are too slow"),
    "ServiceFailingAtLowTraffic": _few,
    "ServiceConnectionsFailing": _connections,
    "ServiceGone": _gone,
    "ServiceTelemetryLost": _lost,
    "ServiceTrafficStopped": _stopped,
    "ServiceCircuitBreakerEjecting": _ejecting,
    "ServiceEjectionsDenied": _denied_ejections,
    "ServiceConnectionPoolOverflowing": _overflowing,
    "ServiceRetryStorm": _retries,
    "ServiceMtlsCoverageLow": _coverage,
    "ServicePlaintextCaller": _plaintext,
    "ServiceRequestsDenied": _refused,
    "ServiceEgressBlocked": _blocked,
}


def mesh_fires(alert: AlertName) -> str:
    """When an alert of the mesh fires."""
    return OF_MESH[alert]


def _time(limit: policy.Threshold) -> str:
    """Seconds in the unit that people count in."""
    return f"{limit.value / DAY:g} days" if limit.value >= DAY else f"{limit.value / HOUR:g} hours"


def _certificate(what: str, warning: policy.Threshold, critical: policy.Threshold) -> str:
    return f"{what} holds less than {_time(warning)} (warning) or {_time(critical)} (critical)"


OF_MESH: Final[Mapping[AlertName, str]] = {
    "MeshTelemetryLost": "Prometheus reads no proxy of the mesh",
    "MeshWorkloadCertificateExpiring": _certificate(
        "a workload's certificate", policy.CERTIFICATE, policy.CERTIFICATE_CRITICAL
    ),
    "MeshCaCertificateExpiring": _certificate("a certificate of the CA", policy.AUTHORITY, policy.AUTHORITY_CRITICAL),
    "ControlPlaneDown": "no istiod answers Prometheus",
    "ControlPlaneConfigurationRejected": f"a proxy rejected a push within {EVENTS}",
    "ControlPlanePushFailing": f"istiod could not build or send a push within {EVENTS}",
    "ControlPlaneConvergenceSlow": (
        f"a change takes more than {policy.CONVERGENCE.value:g} s until 99% of the proxies have it"
    ),
    "SidecarInjectionFailing": f"a pod could not be given a sidecar within {EVENTS}",
}
