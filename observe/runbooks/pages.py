"""What the runbooks say: the prose of each page, and the threshold that it lists per service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe import policy
from observe.model import format_duration, format_percent

if TYPE_CHECKING:
    from collections.abc import Callable

    from observe.model import Service
    from observe.naming import AlertName


@dataclass(frozen=True, slots=True)
class Page:
    """What one alert's runbook says, apart from the tables made from the inventory."""

    meaning: str
    impact: str
    diagnosis: tuple[str, ...]
    mitigation: tuple[str, ...]
    limit: Callable[[Service, policy.Thresholds], str]
    """The threshold of a service, for the table."""
    concerns: Callable[[Service], bool]
    """Whether a service has this alert."""


def has_requests(service: Service) -> bool:
    return bool(service.request_ports)


_ERROR_STEPS: Final = (
    "Open the service's dashboard from the alert's `dashboard_url`. Did the request rate change at the same moment?",
    "Look at the response codes and flags. `UH`: no healthy instance. `UF`, `UC`: connections fail or break. "
    "`UT`: time-out. `UO`: a pool limit turned the request away. `-` with a 5xx or a gRPC status: the application said so.",
    "Look at the callees' error rates: a failing dependency shows up there first, and its owner is paged too.",
    "Compare the start with the last roll-out: `kubectl -n <namespace> rollout history deployment/<service>`.",
    "Read the logs of the failing instances: `kubectl -n <namespace> logs deployment/<service> --since=15m`.",
)

_ERROR_MENDING: Final = (
    "A roll-out is the cause: `kubectl -n <namespace> rollout undo deployment/<service>`.",
    "A dependency is the cause: help its owner; do not raise this service's retries, they would bury it.",
    "`UO` dominates and the instances are not saturated: raise the service's `breaker` limits in the inventory and publish.",
    "`UH` or `UF` dominates: see how many instances are ready, and ServiceCircuitBreakerEjecting.",
)

PAGES: Final[dict[AlertName, Page]] = {
    "ServiceErrorRateHigh": Page(
        meaning="More requests fail than the service's objective allows. A failure is an HTTP 5xx, a gRPC status that "
        "blames the server (2, 4, 12, 13, 14, 15), or no response at all; a client that went away is none. One failure "
        "alone, or fewer requests than `objectives.minimum_requests` in the rate window, are too little to judge.",
        impact="Some callers get errors. Retries may hide part of it, at the price of more load.",
        diagnosis=_ERROR_STEPS,
        mitigation=_ERROR_MENDING,
        limit=lambda _, limits: f"> {format_percent(limits.error_rate.value)}",
        concerns=has_requests,
    ),
    "ServiceErrorRateCritical": Page(
        meaning="A large part of the requests fails: four times what the objective allows, seen over a short window. "
        "One failure alone, or fewer requests than `objectives.minimum_requests` in it, are too little to judge.",
        impact="The service is down or close to it for its callers; whoever depends on it degrades now.",
        diagnosis=_ERROR_STEPS,
        mitigation=_ERROR_MENDING,
        limit=lambda _, limits: f"> {format_percent(limits.error_rate_critical.value)}",
        concerns=has_requests,
    ),
    "ServiceLatencyHigh": Page(
        meaning="The slowest requests take longer than the service's objective, measured by the caller's proxy with all "
        "tries and waits. Whether it is over the objective is exact where proxies have the generated buckets; the value "
        "itself is interpolated. It is judged only where there are so many requests that a single slow one cannot move it.",
        impact="Callers wait, hold connections, and run into their own time-outs; slowness travels up the call chain.",
        diagnosis=(
            "Open the dashboard: is it all percentiles (saturation, a slow dependency) or only the highest (a few "
            "instances, a lock, a cold cache)?",
            "Look at the callees' latency. A callee as slow as this service is the likely cause.",
            "Look at retries and `UT` flags: a time-out that is tried again doubles what the caller measures.",
            "Look at CPU throttling and memory of the instances: `kubectl -n <namespace> top pods`.",
        ),
        mitigation=(
            "Saturated: add replicas, and declare them in the inventory, since ejection limits follow from them.",
            "A roll-out is the cause: `kubectl -n <namespace> rollout undo deployment/<service>`.",
            "The objective is out of date: change `objectives.latency` in the inventory, have it reviewed, and publish.",
        ),
        limit=lambda service, _: (
            f"P{service.objectives.latency.quantile * 100:g} > {format_duration(service.objectives.latency.limit)}"
        ),
        concerns=has_requests,
    ),
    "ServiceCircuitBreakerEjecting": Page(
        meaning="At least one caller's proxy has taken an instance of the service out of load balancing, because it "
        "answered several requests in a row with errors.",
        impact="The remaining instances carry the load. When all are out, callers get 503 with the flag `UH` at once.",
        diagnosis=(
            "On the dashboard, see how many instances are ejected, and whether errors and latency moved with it.",
            "Find the instance: compare `kubectl -n <namespace> get pods -o wide` with the errors by pod in its logs.",
            "One instance: a bad node or a stuck process. All: a dependency or a roll-out.",
        ),
        mitigation=(
            "One bad instance: delete the pod; its replacement is a new endpoint and is not ejected.",
            "All instances: treat it as ServiceErrorRateCritical.",
            "It ends by itself: an instance returns after 30 s times the number of its ejections.",
        ),
        limit=lambda _, limits: f"> {limits.ejections.value:g}",
        concerns=policy.watches_ejections,
    ),
    "ServiceMtlsCoverageLow": Page(
        meaning="Plaintext reaches the service. Only the callee's reports are counted: the caller's never know. For a "
        "service with a declared exception only callers inside the mesh count. One plaintext request or connection alone "
        "does not fire it.",
        impact="Requests travel unencrypted and without an identity. Turning to STRICT now would cut those callers off.",
        diagnosis=(
            "On the mTLS coverage dashboard, the table of plaintext edges names each caller; `unknown` has no proxy.",
            "For a named caller: was its pod started before injection was switched on? "
            "`kubectl -n <namespace> get pods` shows one container instead of two.",
            "For `unknown`: look for jobs, probes and hosts outside the mesh that call the service directly.",
        ),
        mitigation=(
            "Restart a caller that has no sidecar: `kubectl -n <namespace> rollout restart deployment/<caller>`.",
            "A caller that cannot join the mesh: declare it in the inventory, and the exception with its reason.",
        ),
        limit=lambda _, limits: f"< {format_percent(limits.mtls.value)}",
        concerns=policy.watches_mtls,
    ),
}
