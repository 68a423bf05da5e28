"""The mesh at a glance: which service is worse off than the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from observe import naming, policy
from observe.boards import fleet
from observe.boards.layout import COLUMNS
from observe.boards.links import by_column
from observe.boards.panel import Board, Column, Key, Limit, Panel, Query, Row, Table, TimeSeries
from observe.boards.plot import error_rates, marks, mesh_links, series, stat
from observe.naming import SERVICE_LABELS
from observe.promql import Aggregation, Expr, Matcher, Selector, quantile, sum_by
from observe.signals.catalogue import PANEL_QUANTILES

if TYPE_CHECKING:
    from observe.model import Inventory
    from observe.signals import Catalogue, Signal

TAIL: Final = 0.99


def overview(inventory: Inventory, signals: Catalogue) -> Board:
    """Traffic, errors, latency, circuit breaking and mTLS of all services."""
    mesh = inventory.mesh
    return Board(
        uid=naming.overview_uid(mesh.name),
        title=f"{mesh.name}: mesh overview",
        description=f"Traffic, errors, latency, circuit breakers and mTLS of the {mesh.name} mesh.",
        tags=("istio", "overview"),
        rows=_Author(inventory, signals).rows(),
        variables=(fleet.namespace_variable(signals.rate),),
        links=mesh_links(mesh),
        marks=marks(mesh),
    )


@dataclass(frozen=True, slots=True)
class _Author:
    """Lays out the overview."""

    inventory: Inventory
    signals: Catalogue

    def rows(self) -> tuple[Row, ...]:
        requested = tuple(service for service in self.inventory.services if service.request_ports)
        thresholds = tuple(map(policy.thresholds, requested))
        errors = fleet.common(limit.error_rate for limit in thresholds)
        critical = fleet.common((limit.error_rate_critical for limit in thresholds), "critical")
        # A line for P99 is true only where P99 is what every service promises.
        shares = {service.objectives.latency.quantile for service in requested}
        latency = fleet.common(limit.latency for limit in thresholds) if shares == {TAIL} else ()
        coverage = fleet.coverage_limit(self.inventory)
        return (
            Row("row-now", "Now", self._now(errors + critical, coverage)),
            Row("row-traffic", "Traffic", (largest(self.signals.rate, width=24),)),
            Row("row-errors", "Errors", error_rates(self.signals, largest, errors, critical)),
            Row("row-latency", "Latency", self._latency(latency)),
            Row("row-breakers", "Circuit breakers and connection pools", self._breakers()),
            Row("row-mtls", "mTLS", (lowest_coverage(self.signals, coverage),)),
            Row("row-services", "Services", (self._services(errors, latency, coverage),)),
        )

    def _now(self, errors: tuple[Limit, ...], coverage: tuple[Limit, ...]) -> tuple[Panel, ...]:
        signals = self.signals
        return (
            stat(signals.rate, fleet.total(signals.rate), width=4),
            stat(signals.errors, fleet.failed_share(signals), limits=errors, width=4),
            stat(signals.latency(TAIL), self._quantile(TAIL), width=4),
            stat(signals.coverage, fleet.encrypted_share(signals), limits=coverage, width=4),
            stat(signals.ejections, fleet.total(signals.ejections), width=4),
            stat(signals.overflow, fleet.total(signals.overflow), width=4),
            self._firing(),
        )

    def _firing(self) -> Table:
        """What pages and tickets are out: the way to the service that is ill."""
        mesh = self.inventory.mesh
        own = Matcher("mesh", "=", mesh.name), Matcher("alertstate", "=", "firing")
        counted = Aggregation(
            "count", ("severity", "namespace", "service", "alertname", "team"), Selector("ALERTS", own)
        )
        return Table(
            key="alerts-firing",
            title="Alerts that fire",
            description="What fires right now in all namespaces, before Alertmanager silences what follows from it.",
            queries=(Column(counted, "Alerts", "count"),),
            no_value="no alert fires",
            keys=(
                Key("severity", "Severity"),
                Key("namespace", "Namespace"),
                Key("service", "Service", by_column("Find service", mesh.name, "Service").url),
                Key("alertname", "Alert"),
                Key("team", "Team"),
            ),
            sort="Severity",
            descending=False,
            width=24,
            height=7,
        )

    def _latency(self, limits: tuple[Limit, ...]) -> tuple[Panel, ...]:
        shares = ((naming.quantile_name(share).upper(), share) for share in PANEL_QUANTILES)
        together = TimeSeries(
            key="mesh-latency",
            title="P50, P95 and P99 latency of the mesh",
            description="How long requests to all chosen services take: tries and waits included.",
            queries=tuple(Query(self._quantile(share), name) for name, share in shares),
            no_value=self.signals.buckets.absent,
            unit=self.signals.latency(TAIL).unit,
        )
        return together, largest(self.signals.latency(TAIL), limits=limits)

    def _breakers(self) -> tuple[Panel, ...]:
        watched = filter(policy.watches_ejections, self.inventory.services)
        limits = fleet.common(policy.thresholds(service).ejections for service in watched)
        return (
            largest(self.signals.ejections, limits=limits),
            largest(self.signals.overflow),
        )

    def _services(self, errors: tuple[Limit, ...], latency: tuple[Limit, ...], coverage: tuple[Limit, ...]) -> Table:
        signals = self.signals
        shown = ((signals.rate, ()), (signals.errors, errors), (signals.latency(TAIL), latency))
        return Table(
            key="services",
            title="Services",
            description="Every service that is called. A click on its name finds its dashboard.",
            queries=tuple(_column(signal, limits) for signal, limits in (*shown, (signals.coverage, coverage))),
            no_value=signals.rate.absent,
            keys=(
                Key(SERVICE_LABELS[0], "Namespace"),
                Key(SERVICE_LABELS[1], "Service", by_column("", self.inventory.mesh.name, "Service").url),
            ),
            sort=signals.errors.title,
            width=24,
            height=12,
        )

    def _quantile(self, share: float) -> Expr:
        return quantile(share, sum_by(("le",), fleet.chosen(self.signals.buckets)))


def lowest_coverage(signals: Catalogue, limits: tuple[Limit, ...]) -> TimeSeries:
    """The services of which the least is mutual TLS."""
    title = f"{signals.coverage.title}, the {fleet.SHOWN} lowest"
    drawn = series(signals.coverage, fleet.extremes("bottomk", signals.coverage), title=title, limits=limits, width=24)
    says = f"{drawn.description} Services with a declared exception are among them: see the mTLS dashboard."
    return replace(drawn, description=says, lowest_first=True, legend="right")


def largest(signal: Signal, *, title: str | None = None, limits: tuple[Limit, ...] = (), width: int = 12) -> TimeSeries:
    """The services with the most of a signal."""
    full = f"{title or signal.title}, the {fleet.SHOWN} highest"
    drawn = series(signal, fleet.extremes("topk", signal), title=full, limits=limits, width=width)
    return replace(drawn, legend="right") if width == COLUMNS else drawn


def _column(signal: Signal, limits: tuple[Limit, ...]) -> Column:
    return Column(fleet.chosen(signal), signal.title, signal.unit, limits)
