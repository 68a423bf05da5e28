"""All signals of a mesh, made once and handed to boards and alerting alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe import policy, telemetry
from observe.model import Inventory, Mesh, Service, format_duration
from observe.promql import keeping
from observe.signals import breaker, latency, mtls, objectives, platform, requests
from observe.signals.boundaries import Boundaries, boundaries
from observe.signals.presence import Presence, of_service, presence
from observe.signals.retries import Retries, retries
from observe.signals.tcp import Connections, connections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.promql import Expr
    from observe.signals.objectives import Budget
    from observe.signals.platform import Certificates, ControlPlane, Saturation
    from observe.signals.requests import Edges, Endpoints, Requests
    from observe.signals.signal import Signal

SLOW: Final = 5 * 60_000
FAST: Final = 2 * 60_000
SAMPLES: Final = 4
"""A rate window holds at least so many samples, so that one missed scrape leaves no gap."""
PANEL_QUANTILES: Final = (0.5, 0.95, 0.99)
MINUTE: Final = 60_000


def windows(mesh: Mesh) -> tuple[int, int]:
    """The slow and the fast rate window in milliseconds, widened for meshes that are scraped rarely."""
    least = SAMPLES * mesh.prometheus.scrape_interval
    return max(SLOW, least), max(FAST, least)


@dataclass(frozen=True, slots=True)
class Family:
    """Signals that are recorded together, each after those of the family that it reads."""

    name: str
    signals: tuple[Signal, ...]
    slow: bool = False
    """Whether once a minute is often enough: what looks back for an hour and more."""


@dataclass(frozen=True, slots=True)
class Breakers:
    """What circuit breakers do, and how near they are to it."""

    ejections: Signal
    callers: Signal
    denied: Signal
    overflow: Signal
    turned_away: Signal
    """Requests with the flag UO: no statistics needed, but of requests only."""
    no_instance: Signal
    """Requests with the flag UH."""
    active_requests: Signal
    active_connections: Signal
    handshakes_failed: Signal


@dataclass(frozen=True, slots=True)
class Encryption:
    """Plaintext by service, beside the coverage that the catalogue itself has."""

    plaintext: Signal
    plaintext_inside: Signal
    lately: Signal


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The signals of one mesh. `fast` ones use the shorter window: they see a full outage sooner."""

    mesh: Mesh
    edges: Edges
    endpoints: Endpoints
    slow: Requests
    fast: Requests
    buckets: Signal
    quantiles: tuple[tuple[float, Signal], ...]
    timed: Signal
    late: Signal
    """Requests slower than their service's objective; recorded by each service's own rules."""
    late_share: Signal
    availability: Budget
    punctuality: Budget
    connections: Connections
    breakers: Breakers
    retries: Retries
    arrivals: Signal
    received: Signal
    received_inside: Signal
    coverage: Signal
    coverage_inside: Signal
    encryption: Encryption
    boundaries: Boundaries
    presence: Presence
    certificates: Certificates
    control_plane: ControlPlane
    saturation: Saturation

    @property
    def rate(self) -> Signal:
        return self.slow.rate

    @property
    def failed(self) -> Signal:
        return self.slow.failed

    @property
    def errors(self) -> Signal:
        return self.slow.errors

    @property
    def fast_errors(self) -> Signal:
        return self.fast.errors

    @property
    def ejections(self) -> Signal:
        return self.breakers.ejections

    @property
    def overflow(self) -> Signal:
        return self.breakers.overflow

    def latency(self, share: float) -> Signal:
        """The latency at a quantile that panels or some service's objective ask for."""
        return next(signal for quantile, signal in self.quantiles if quantile == share)

    def mtls(self, service: Service) -> Signal:
        """What a service's mTLS coverage is judged by: all callers, or those with a proxy where it has an exception."""
        return self.coverage if service.mtls.mode == "STRICT" else self.coverage_inside

    def mtls_traffic(self, service: Service) -> Signal:
        """What the coverage of `mtls(service)` is a share of."""
        return self.received if service.mtls.mode == "STRICT" else self.received_inside

    def mtls_plaintext(self, service: Service) -> Signal:
        """What of it came in plaintext."""
        return self.encryption.plaintext if service.mtls.mode == "STRICT" else self.encryption.plaintext_inside

    def own(self, service: Service) -> Iterator[tuple[Signal, Expr]]:
        """The signals that a service has records of its own for, since they depend on what it promises and runs."""
        if policy.watches_requests(self.mesh, service):
            window = format_duration(self.slow.window)
            yield self.late, self._kept(latency.slower_than(self.mesh, window, service))
        if service.in_mesh and self.mesh.data_plane == "sidecar":
            yield self.presence.reporting, self._kept(of_service(self.presence.proxies, service))
            yield self.presence.silent, self._kept(of_service(self.presence.unreachable, service))

    def _kept(self, measure: Expr) -> Expr:
        label = self.mesh.prometheus.cluster_label
        return keeping(measure, label) if label else measure

    @property
    def families(self) -> tuple[Family, ...]:
        """All records of the mesh, by what they are about."""
        edges, endpoints, tcp = self.edges, self.endpoints, self.connections
        breakers, boundaries, plane = self.breakers, self.boundaries, self.control_plane
        by_window = [(each.answers, each.rate, each.failed, each.errors) for each in (self.slow, self.fast)]
        budgets = (self.availability, self.punctuality)
        return (
            Family(
                "requests",
                (
                    *(edges.answers, edges.rate, edges.failed, *by_window[0], *by_window[1]),
                    *(endpoints.answers, endpoints.rate, endpoints.failed),
                ),
            ),
            Family("latency", (self.buckets, *(signal for _, signal in self.quantiles), self.timed, self.late_share)),
            Family("connections", (tcp.by_caller, tcp.opened, tcp.failed, tcp.share, tcp.received, tcp.sent)),
            Family(
                "breakers",
                (
                    *(breakers.ejections, breakers.callers, breakers.denied, breakers.overflow, breakers.turned_away),
                    *(breakers.no_instance, breakers.active_requests, breakers.active_connections),
                    *(self.retries.rate, self.retries.succeeded, self.retries.exhausted, self.retries.share),
                    breakers.handshakes_failed,
                ),
            ),
            Family(
                "mtls",
                (
                    *(self.arrivals, self.received, self.received_inside, self.coverage, self.coverage_inside),
                    *(self.encryption.plaintext, self.encryption.plaintext_inside),
                ),
            ),
            Family(
                "boundaries",
                (
                    *(boundaries.denied, boundaries.would_be_denied, boundaries.blocked, boundaries.undeclared),
                    *(boundaries.gateway_answers, boundaries.unrouted),
                ),
            ),
            Family(
                "proxies",
                (
                    *(self.presence.proxies, self.presence.unreachable, self.presence.mesh),
                    *(self.certificates.workloads, self.certificates.namespaces, self.certificates.authority),
                    *(self.saturation.cpu, self.saturation.memory),
                ),
            ),
            Family(
                "control-plane",
                (
                    *(plane.instances, plane.versions, plane.proxies, plane.rejects, plane.push_errors, plane.pushes),
                    *(plane.convergence_buckets, plane.convergence, plane.injected, plane.injection_failures),
                    *(plane.validation_failures, plane.conflicts),
                ),
            ),
            Family(
                "objectives",
                (
                    *(signal for budget in budgets for signal in budget.hours),
                    *(signal for budget in budgets for _, signal in budget.shares[1:]),
                    self.encryption.lately,
                ),
                slow=True,
            ),
        )

    @property
    def recorded(self) -> tuple[Signal, ...]:
        """Every signal that is recorded for the mesh, each after those of its family that its measure reads."""
        ordered = (signal for family in self.families for signal in family.signals)
        # Where proxies are scraped rarely both windows are equal, and so are their records.
        return tuple({signal.record: signal for signal in ordered}.values())

    def measured(self, signal: Signal) -> Expr:
        """What the recording rule of a signal of the mesh evaluates."""
        if signal.measure is None:
            raise ValueError(f"{signal.record} is recorded by the rules of each service")
        return self._kept(signal.measure)

    @property
    def needed_stats(self) -> tuple[str, ...]:
        """Envoy stats that some signal reads and no proxy exports unasked."""
        return tuple(sorted({stat for signal in self.recorded for stat in signal.needs_stats}))


def catalogue(inventory: Inventory) -> Catalogue:
    """The signals for an inventory: its mesh's windows, its services' quantiles."""
    mesh = inventory.mesh
    slow_window, fast_window = windows(mesh)
    slow, fast = format_duration(slow_window), format_duration(fast_window)
    interval = mesh.prometheus.evaluation_interval
    shares = {*PANEL_QUANTILES, *(service.objectives.latency.quantile for service in inventory.services)}
    edges = requests.edges(mesh, slow)
    by_service = requests.requests(mesh, slow_window, slow, edges)
    timed, late = latency.timed(mesh, slow), latency.slow(slow)
    late_share = latency.slow_ratio(mesh, slow)
    return Catalogue(
        mesh=mesh,
        edges=edges,
        endpoints=requests.endpoints(mesh, slow),
        slow=by_service,
        fast=requests.requests(mesh, fast_window, fast) if fast != slow else by_service,
        buckets=latency.duration_buckets(mesh, slow),
        quantiles=tuple((share, latency.latency(mesh, slow, share)) for share in sorted(shares)),
        timed=timed,
        late=late,
        late_share=late_share,
        availability=objectives.availability(by_service, slow, interval),
        punctuality=objectives.latency(late, timed, late_share, slow, interval),
        connections=connections(mesh, fast),
        breakers=_breakers(mesh, slow, by_service),
        retries=retries(mesh, slow, by_service),
        arrivals=mtls.arrivals(mesh, slow),
        received=mtls.received(mesh, slow),
        received_inside=mtls.received_inside(mesh, slow),
        coverage=mtls.coverage(mesh, slow),
        coverage_inside=mtls.coverage_inside(mesh, slow),
        encryption=Encryption(
            mtls.plaintext(mesh, slow), mtls.plaintext_inside(mesh, slow), mtls.plaintext_lately(mesh, slow)
        ),
        boundaries=boundaries(mesh, slow, edges),
        presence=presence(),
        certificates=platform.certificates(mesh),
        control_plane=platform.control_plane(mesh),
        saturation=platform.saturation(slow),
    )


def _breakers(mesh: Mesh, window: str, by_service: Requests) -> Breakers:
    return Breakers(
        ejections=breaker.ejections(mesh),
        callers=breaker.ejecting_callers(mesh),
        denied=breaker.denied(mesh, window),
        overflow=breaker.overflow(mesh, window),
        turned_away=requests.flagged(
            by_service,
            "UO",
            id="turned-away",
            title="Requests turned away",
            description="Requests per second that a pool limit of the callers' proxies, or of the service's, refused.",
            window=window,
        ),
        no_instance=requests.flagged(
            by_service,
            "UH",
            id="no-instance",
            title="Requests without an instance",
            description="Requests per second for which no instance was left: none is ready, or all are ejected.",
            window=window,
        ),
        active_requests=breaker.in_use(
            mesh,
            telemetry.ACTIVE_REQUESTS,
            "Requests in flight",
            "Requests that the busiest caller's proxy has under way at once, which pool limits count.",
        ),
        active_connections=breaker.in_use(
            mesh,
            telemetry.ACTIVE_CONNECTIONS,
            "Open connections",
            "Connections that the busiest caller's proxy holds at once, which pool limits count.",
        ),
        handshakes_failed=breaker.handshakes_failed(mesh, window),
    )
