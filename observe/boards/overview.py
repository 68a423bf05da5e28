"""The mesh at a glance: which service is worse off than the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe import naming, policy
from observe.boards import fleet
from observe.boards.panel import Board, Column, Key, Limit, Panel, Query, Row, Table, TimeSeries
from observe.boards.plot import NO_TRAFFIC, NOT_REPORTED, error_rates, mesh_links, series, stat
from observe.naming import SERVICE_LABELS
from observe.promql import Expr, quantile, sum_by
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
            Row("row-now", "Now", self._now(errors, coverage)),
            Row("row-traffic", "Traffic", (_largest(self.signals.rate, width=24),)),
            Row("row-errors", "Errors", error_rates(self.signals, _largest, errors, critical)),
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
            stat(signals.ejections, fleet.total(signals.ejections), no_value=NOT_REPORTED, width=4),
            stat(signals.overflow, fleet.total(signals.overflow), no_value=NOT_REPORTED, width=4),
        )

    def _latency(self, limits: tuple[Limit, ...]) -> tuple[Panel, ...]:
        shares = ((naming.quantile_name(share).upper(), share) for share in PANEL_QUANTILES)
        together = TimeSeries(
            key="mesh-latency",
            title="P50, P95 and P99 latency of the mesh",
            description="How long requests to all chosen services take: tries and waits included.",
            queries=tuple(Query(self._quantile(share), name) for name, share in shares),
            no_value=NO_TRAFFIC,
            unit=self.signals.latency(TAIL).unit,
        )
        return together, _largest(self.signals.latency(TAIL), limits=limits)

    def _breakers(self) -> tuple[Panel, ...]:
        watched = filter(policy.watches_ejections, self.inventory.services)
        limits = fleet.common(policy.thresholds(service).ejections for service in watched)
        return (
            _largest(self.signals.ejections, limits=limits, no_value=NOT_REPORTED),
            _largest(self.signals.overflow, no_value=NOT_REPORTED),
        )

    def _services(self, errors: tuple[Limit, ...], latency: tuple[Limit, ...], coverage: tuple[Limit, ...]) -> Table:
        signals = self.signals
        shown = ((signals.rate, ()), (signals.errors, errors), (signals.latency(TAIL), latency))
        return Table(
            key="services",
            title="Services",
            description="Every service that is called. A click on its name finds its dashboard.",
            queries=tuple(_column(signal, limits) for signal, limits in (*shown, (signals.coverage, coverage))),
            no_value=NO_TRAFFIC,
            keys=(Key(SERVICE_LABELS[0], "Namespace"), Key(SERVICE_LABELS[1], "Service", self._search())),
            sort=signals.errors.title,
            width=24,
            height=12,
        )

    def _search(self) -> str:
        """Where a service's dashboard is found by name: its uid holds a hash, which a link cannot compute."""
        tag = naming.pack_tag(self.inventory.mesh.name)
        return f"/dashboards?tag={tag}&query=${{__data.fields.Service:percentencode}}"

    def _quantile(self, share: float) -> Expr:
        return quantile(share, sum_by(("le",), fleet.chosen(self.signals.buckets)))


def lowest_coverage(signals: Catalogue, limits: tuple[Limit, ...]) -> TimeSeries:
    """The services of which the least is mutual TLS."""
    title = f"{signals.coverage.title}, the {fleet.SHOWN} lowest"
    return series(signals.coverage, fleet.extremes("bottomk", signals.coverage), title=title, limits=limits, width=24)


def _largest(
    signal: Signal,
    *,
    title: str | None = None,
    limits: tuple[Limit, ...] = (),
    no_value: str = NO_TRAFFIC,
    width: int = 12,
) -> TimeSeries:
    """The services with the most of a signal."""
    full = f"{title or signal.title}, the {fleet.SHOWN} highest"
    query = fleet.extremes("topk", signal)
    return series(signal, query, title=full, limits=limits, no_value=no_value, width=width)


def _column(signal: Signal, limits: tuple[Limit, ...]) -> Column:
    return Column(fleet.chosen(signal), signal.title, signal.unit, limits)
