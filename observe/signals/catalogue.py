"""All signals of a mesh, made once and handed to boards and alerting alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.model import Inventory, Mesh, Service, format_duration
from observe.naming import SERVICE_LABELS
from observe.promql import Expr, sum_by
from observe.signals import breaker, latency, mtls, requests

if TYPE_CHECKING:
    from observe.signals.signal import Signal

SLOW: Final = 5 * 60_000
FAST: Final = 2 * 60_000
SAMPLES: Final = 4
"""A rate window holds at least so many samples, so that one missed scrape leaves no gap."""
PANEL_QUANTILES: Final = (0.5, 0.95, 0.99)


def windows(mesh: Mesh) -> tuple[int, int]:
    """The slow and the fast rate window in milliseconds, widened for meshes that are scraped rarely."""
    least = SAMPLES * mesh.prometheus.scrape_interval
    return max(SLOW, least), max(FAST, least)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The signals of one mesh. `fast` ones use the shorter window: they see a full outage sooner."""

    slow_window: int
    fast_window: int
    answers: Signal
    rate: Signal
    failed: Signal
    errors: Signal
    fast_answers: Signal
    fast_rate: Signal
    fast_failed: Signal
    fast_errors: Signal
    buckets: Signal
    quantiles: tuple[tuple[float, Signal], ...]
    ejections: Signal
    overflow: Signal
    arrivals: Signal
    received: Signal
    received_inside: Signal
    coverage: Signal
    coverage_inside: Signal

    def latency(self, share: float) -> Signal:
        """The latency at a quantile that panels or some service's objective ask for."""
        return next(signal for quantile, signal in self.quantiles if quantile == share)

    def mtls(self, service: Service) -> Signal:
        """What a service's mTLS coverage is judged by: all callers, or those with a proxy where it has an exception."""
        return self.coverage if service.mtls.mode == "STRICT" else self.coverage_inside

    def mtls_traffic(self, service: Service) -> Signal:
        """What the coverage of `mtls(service)` is a share of."""
        return self.received if service.mtls.mode == "STRICT" else self.received_inside

    def mtls_plaintext(self, service: Service) -> Expr:
        """What of it came in plaintext."""
        scope = () if service.mtls.mode == "STRICT" else (mtls.INSIDE,)
        return sum_by(SERVICE_LABELS, self.arrivals.of(service).where(telemetry.PLAINTEXT, *scope))

    @property
    def recorded(self) -> tuple[Signal, ...]:
        """Every signal, each after those that its measure reads: the order of the recording rules."""
        slow = (self.answers, self.rate, self.failed, self.errors)
        fast = (self.fast_answers, self.fast_rate, self.fast_failed, self.fast_errors)
        latencies = (self.buckets, *(signal for _, signal in self.quantiles))
        encryption = (self.arrivals, self.received, self.received_inside, self.coverage, self.coverage_inside)
        ordered = (*slow, *fast, *latencies, self.ejections, self.overflow, *encryption)
        # Where proxies are scraped rarely both windows are equal, and so are their records.
        return tuple({signal.record: signal for signal in ordered}.values())

    @property
    def needed_stats(self) -> tuple[str, ...]:
        """Envoy stats that some signal reads and no proxy exports unasked."""
        return tuple(sorted({stat for signal in self.recorded for stat in signal.needs_stats}))


def catalogue(inventory: Inventory) -> Catalogue:
    """The signals for an inventory: its mesh's windows, its services' quantiles."""
    mesh = inventory.mesh
    slow_window, fast_window = windows(mesh)
    slow, fast = format_duration(slow_window), format_duration(fast_window)
    shares = {*PANEL_QUANTILES, *(service.objectives.latency.quantile for service in inventory.services)}
    return Catalogue(
        slow_window=slow_window,
        fast_window=fast_window,
        answers=requests.answers(mesh, slow),
        rate=requests.request_rate(mesh, slow),
        failed=requests.failed_rate(mesh, slow),
        errors=requests.error_ratio(mesh, slow),
        fast_answers=requests.answers(mesh, fast),
        fast_rate=requests.request_rate(mesh, fast),
        fast_failed=requests.failed_rate(mesh, fast),
        fast_errors=requests.error_ratio(mesh, fast),
        buckets=latency.duration_buckets(mesh, slow),
        quantiles=tuple((share, latency.latency(mesh, slow, share)) for share in sorted(shares)),
        ejections=breaker.ejections(mesh),
        overflow=breaker.overflow(mesh, slow),
        arrivals=mtls.arrivals(mesh, slow),
        received=mtls.received(mesh, slow),
        received_inside=mtls.received_inside(mesh, slow),
        coverage=mtls.coverage(mesh, slow),
        coverage_inside=mtls.coverage_inside(mesh, slow),
    )
