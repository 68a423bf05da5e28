"""One service: what it promises, how it does, who calls it and whom it calls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from observe import naming, policy
from observe.boards import split
from observe.boards.about import about
from observe.boards.layout import COLUMNS
from observe.boards.panel import Board, Limit, Panel, Query, Row, Text, TimeSeries
from observe.boards.plot import NOT_REPORTED, error_rates, mesh_links, series, stat
from observe.signals.catalogue import PANEL_QUANTILES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.model import Inventory, Mesh, Service
    from observe.signals import Catalogue, Signal


def service_board(inventory: Inventory, graph: Graph, signals: Catalogue, service: Service) -> Board:
    """The dashboard of one service; its alerts link to panels of it."""
    mesh = inventory.mesh
    header = Text(key="about", title="About", content=about(mesh, graph, service), width=24, height=9)
    return Board(
        uid=naming.service_uid(mesh.name, service.namespace, service.name),
        title=f"{service.namespace} / {service.name}",
        description=f"{service.name} in {service.namespace}, owned by {service.owner}.",
        tags=("istio", "service"),
        rows=_Author(mesh, signals, service, _limits(service)).rows(header),
        links=mesh_links(mesh),
    )


@dataclass(frozen=True, slots=True)
class _Limits:
    """The service's thresholds, as its panels draw them."""

    errors: tuple[Limit, ...]
    critical: tuple[Limit, ...]
    latency: tuple[Limit, ...]
    ejections: tuple[Limit, ...]
    mtls: tuple[Limit, ...]
    """Empty where plaintext is what was asked for: there is no alert then, hence no line."""


def _limits(service: Service) -> _Limits:
    thresholds = policy.thresholds(service)
    return _Limits(
        errors=(Limit(thresholds.error_rate),),
        critical=(Limit(thresholds.error_rate_critical, "critical"),),
        latency=(Limit(thresholds.latency),),
        ejections=(Limit(thresholds.ejections),),
        mtls=(Limit(thresholds.mtls, broken="below"),) if policy.watches_mtls(service) else (),
    )


@dataclass(frozen=True, slots=True)
class _Author:
    """Lays out the dashboard of one service. What it has no port or proxy for is left out."""

    mesh: Mesh
    signals: Catalogue
    service: Service
    limits: _Limits

    def rows(self, header: Text) -> tuple[Row, ...]:
        rows = (
            Row("row-now", "Now", (*self._now(), header)),
            Row("row-requests", "Requests", tuple(self._requests())),
            Row("row-callers", "Who calls it", tuple(self._callers())),
            Row("row-callees", "What it calls", tuple(self._callees())),
            Row("row-responses", "Responses", tuple(self._responses())),
            Row("row-resilience", "Circuit breakers, connection pools, retries", tuple(self._resilience())),
            Row("row-mtls", "mTLS", tuple(self._mtls())),
        )
        return tuple(row for row in rows if row.panels)

    def _now(self) -> Iterator[Panel]:
        signals, service, limits = self.signals, self.service, self.limits
        latency = signals.latency(service.objectives.latency.quantile)
        if service.request_ports:
            yield stat(signals.rate, signals.rate.of(service))
            yield stat(signals.errors, signals.errors.of(service), limits=limits.errors)
            yield stat(latency, latency.of(service), limits=limits.latency)
        elif service.in_mesh:
            yield stat(signals.received, signals.received.of(service))
        if service.in_mesh:
            coverage = signals.mtls(service)
            yield stat(coverage, coverage.of(service), limits=limits.mtls)

    def _requests(self) -> Iterator[Panel]:
        if not self.service.request_ports:
            return
        signals = self.signals
        yield series(signals.rate, self._of(signals.rate), self._of(signals.failed))
        yield self._percentiles()
        yield from error_rates(signals, self._series, self.limits.errors, self.limits.critical)

    def _percentiles(self) -> Panel:
        """The objective's quantile, among the usual ones."""
        objective = self.service.objectives.latency.quantile
        shown = (self.signals.latency(share) for share in sorted({*PANEL_QUANTILES, objective}))
        queries = tuple(self._of(signal) for signal in shown)
        return series(self.signals.latency(objective), *queries, title="Latency", limits=self.limits.latency)

    def _callers(self) -> Iterator[Panel]:
        if self.service.request_ports:
            yield from split.callers(self.mesh, self.service)
        if any(port.protocol == "tcp" for port in self.service.ports):
            yield split.connections(self.mesh, self.service)

    def _callees(self) -> Iterator[Panel]:
        if self.service.in_mesh:
            yield from split.callees(self.mesh, self.service)

    def _responses(self) -> Iterator[Panel]:
        if self.service.request_ports:
            yield from split.responses(self.mesh, self.service)

    def _resilience(self) -> Iterator[Panel]:
        """Side by side: what one of them shows explains the others."""
        watched = policy.watches_ejections(self.service)
        breakers = ((self.signals.ejections, self.limits.ejections),) if watched else ()
        shown: list[Panel] = [
            series(signal, self._of(signal), limits=limits, no_value=NOT_REPORTED)
            for signal, limits in (*breakers, (self.signals.overflow, ()))
        ]
        if self.service.request_ports:
            shown.append(split.retries(self.mesh, self.service))
        return (replace(panel, width=COLUMNS // len(shown)) for panel in shown)

    def _mtls(self) -> Iterator[Panel]:
        if not self.service.in_mesh:
            return
        signals = self.signals
        judged = signals.mtls(self.service)
        whole = () if judged == signals.coverage else (self._of(signals.coverage),)
        yield series(judged, self._of(judged), *whole, limits=self.limits.mtls)
        yield series(signals.received, self._of(signals.received))

    def _series(self, signal: Signal, *, title: str | None = None, limits: tuple[Limit, ...] = ()) -> TimeSeries:
        return series(signal, self._of(signal), title=title, limits=limits)

    def _of(self, signal: Signal) -> Query:
        return Query(signal.of(self.service), signal.title)
