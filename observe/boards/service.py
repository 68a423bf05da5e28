"""One service: what it promises, how it does, who calls it and whom it calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe import naming, policy
from observe.boards import markdown, split
from observe.boards.about import about
from observe.boards.panel import Board, Heatmap, Limit, Line, Panel, Query, Row, Severity, Text, TimeSeries
from observe.boards.plot import described, error_rates, marks, mesh_links, series, stat
from observe.model import format_duration
from observe.policy import Threshold
from observe.promql import Matcher, equal, sum_by
from observe.signals.catalogue import PANEL_QUANTILES
from observe.signals.presence import pods
from observe.signals.requests import CALLER_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.model import Inventory, Service
    from observe.signals import Catalogue, Signal
    from observe.signals.objectives import Budget

POD: Final = "{{pod}}"


def service_board(inventory: Inventory, graph: Graph, signals: Catalogue, service: Service) -> Board:
    """The dashboard of one service; its alerts link to panels of it."""
    mesh = inventory.mesh
    said = about(mesh, graph, service)
    header = Text(key="about", title="About", content=said, width=24, height=markdown.height(said, most=14))
    own = equal({"service": service.name, "namespace": service.namespace})
    return Board(
        uid=naming.service_uid(mesh.name, service.namespace, service.name),
        title=f"{service.namespace} / {service.name}",
        description=f"{service.name} in {service.namespace}, owned by {service.owner}.",
        tags=("istio", "service"),
        rows=_Author(inventory, signals, service, _limits(service)).rows(header),
        links=mesh_links(mesh),
        marks=marks(mesh, *own),
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
    connections: tuple[Limit, ...]
    retries: tuple[Limit, ...]


def _limits(service: Service) -> _Limits:
    thresholds = policy.thresholds(service)
    return _Limits(
        errors=(Limit(thresholds.error_rate),),
        critical=(Limit(thresholds.error_rate_critical, "critical"),),
        latency=(Limit(thresholds.latency),),
        ejections=(Limit(thresholds.ejections),),
        mtls=(Limit(thresholds.mtls, broken="below"),) if policy.watches_mtls(service) else (),
        connections=(Limit(thresholds.connections, "critical"),),
        retries=(Limit(thresholds.retries),),
    )


@dataclass(frozen=True, slots=True)
class _Author:
    """Lays out the dashboard of one service. What it has no port or proxy for is left out."""

    inventory: Inventory
    signals: Catalogue
    service: Service
    limits: _Limits

    @property
    def requested(self) -> bool:
        """Whether the mesh sees its requests one by one."""
        return policy.watches_requests(self.signals.mesh, self.service)

    def rows(self, header: Text) -> tuple[Row, ...]:
        rows = (
            Row("row-now", "Now", (*self._now(), header)),
            Row("row-requests", "Requests", tuple(self._requests())),
            Row("row-callers", "Who calls it", tuple(self._callers())),
            Row("row-callees", "What it calls", tuple(self._callees())),
            Row("row-resilience", "Circuit breakers and retries", tuple(self._resilience())),
            Row("row-mtls", "mTLS", tuple(self._mtls())),
            Row("row-objectives", "Objectives over hours and days", tuple(self._objectives()), collapsed=True),
            Row("row-responses", "Operations, responses, durations", tuple(self._responses()), collapsed=True),
            Row("row-pools", "Connection pools", tuple(self._pools()), collapsed=True),
            Row("row-proxies", "Instances and their proxies", tuple(self._proxies()), collapsed=True),
        )
        return tuple(row for row in rows if row.panels)

    def _now(self) -> Iterator[Panel]:
        signals, service, limits = self.signals, self.service, self.limits
        latency = signals.latency(service.objectives.latency.quantile)
        if self.requested:
            yield stat(signals.rate, signals.rate.of(service))
            yield stat(signals.errors, signals.errors.of(service), limits=limits.errors + limits.critical)
            yield stat(latency, latency.of(service), limits=limits.latency)
        if policy.watches_connections(signals.mesh, service):
            opened, failed = signals.connections.opened, signals.connections.share
            yield stat(opened, opened.of(service))
            yield stat(failed, failed.of(service), limits=limits.connections)
        elif service.in_mesh and not self.requested:
            yield stat(signals.received, signals.received.of(service))
        if service.in_mesh:
            coverage = signals.mtls(service)
            yield stat(coverage, coverage.of(service), limits=limits.mtls)

    def _requests(self) -> Iterator[Panel]:
        if not self.requested:
            return
        signals = self.signals
        failed = Line(signals.failed.of(self.service), signals.failed.title, tone="critical")
        yield series(signals.rate, self._of(signals.rate), failed)
        yield self._percentiles()
        yield from error_rates(signals, self._series, self.limits.errors, self.limits.critical)

    def _percentiles(self) -> Panel:
        """The objective's quantile, among the usual ones."""
        objective = self.service.objectives.latency.quantile
        shown = (self.signals.latency(share) for share in sorted({*PANEL_QUANTILES, objective}))
        queries = tuple(self._of(signal) for signal in shown)
        return series(self.signals.latency(objective), *queries, title="Latency", limits=self.limits.latency)

    def _objectives(self) -> Iterator[Panel]:
        if not self.requested:
            return
        signals, service = self.signals, self.service
        yield from self._budget(signals.availability, policy.availability_budget(service))
        if promised := policy.latency_budget(service):
            yield from self._budget(signals.punctuality, promised)
        late = signals.late_share
        limit = format_duration(service.objectives.latency.limit)
        yield series(late, self._of(late), title=f"{late.title}, slower than {limit}")

    def _budget(self, budget: Budget, promised: float | None) -> Iterator[Panel]:
        """The shares of bad requests over the windows that alerts compare, each with its limit."""
        mesh, window = self.signals.mesh, format_duration(self.signals.slow.window)
        severities: dict[policy.Speed, Severity] = {"fast": "critical", "slow": "warning"}
        burns = [
            (burn, severity)
            for pace, severity in severities.items()
            for burn in (policy.burns(mesh, promised, pace, window) if promised else ())
        ]
        if not any(burn.long == "1h" for burn, _ in burns):
            yield self._series(budget.over("1h"))
        for burn, severity in burns:
            long, short = budget.over(burn.long), budget.over(burn.short)
            source = f"{burn.factor:g} times faster than the budget allows"
            shown = (
                Query(long.of(self.service), f"over {burn.long}"),
                Line(short.of(self.service), f"over {burn.short}", dashed=True),
            )
            yield series(long, *shown, limits=(Limit(Threshold(burn.limit, source), severity),))

    def _callers(self) -> Iterator[Panel]:
        if self.requested:
            yield from split.callers(self.signals, self.service)
        if policy.watches_connections(self.signals.mesh, self.service):
            yield from split.connections(self.signals, self.service)
            share = self.signals.connections.share
            yield series(share, self._of(share), limits=self.limits.connections)

    def _callees(self) -> Iterator[Panel]:
        if self.service.in_mesh and self._sends_requests():
            yield from split.callees(self.signals, self.service)
        if policy.watches_proxies(self.signals.mesh, self.service):
            yield self._egress()

    def _sends_requests(self) -> bool:
        """Whether the mesh sees single requests to anything that the service declares to call: not over TCP or its own
        TLS, and in ambient only through a waypoint.
        """
        mesh = self.signals.mesh
        sidecar = mesh.data_plane == "sidecar"
        called = ((self.inventory.by_id[call.service], call.port) for call in self.service.calls)
        ports = (
            port
            for callee, number in called
            if sidecar or mesh.has_waypoint(callee.namespace)
            for port in callee.request_ports
            if number in (None, port.number)
        )
        return any(ports) or (sidecar and any(host.protocol == "http" for host in self.service.external_hosts))

    def _egress(self) -> Panel:
        """Hosts that nobody declared: whichever of the two the mesh does with them, the other shows nothing."""
        caller = equal(dict(zip(CALLER_LABELS, (self.service.namespace, self.service.workload_name), strict=True)))
        boundaries = self.signals.boundaries
        blocks = policy.watches_egress(self.signals.mesh, self.service)
        signal = boundaries.blocked if blocks else boundaries.undeclared
        return series(signal, Query(sum_by((), signal.where(caller)), signal.title), height=5)

    def _responses(self) -> Iterator[Panel]:
        if not self.requested:
            return
        if self.service.endpoints:
            yield from split.endpoints(self.signals, self.service)
        yield from split.responses(self.signals, self.service)
        buckets = self.signals.buckets
        yield Heatmap(
            key=buckets.id,
            title=buckets.title,
            description=described(buckets),
            queries=(Query(sum_by(("le",), buckets.of(self.service)), "{{le}}"),),
            no_value=buckets.absent,
            unit="milliseconds",
            width=24,
        )

    def _resilience(self) -> Iterator[Panel]:
        """Side by side: what one of them shows explains the others."""
        signals, service = self.signals, self.service
        if not policy.has_envoy(signals.mesh, service):
            return
        if policy.watches_ejections(service):
            denied = signals.breakers.denied
            yield series(signals.ejections, self._of(signals.ejections), limits=self.limits.ejections, width=8)
            yield series(denied, self._of(denied), width=8)
        if self.requested:
            away, missing = signals.breakers.turned_away, signals.breakers.no_instance
            yield from self._retries()
            yield series(away, self._of(away), self._of(missing), title="Requests that no instance got", width=12)
        elif service.outside is None:
            yield self._series(signals.overflow)

    def _retries(self) -> Iterator[Panel]:
        """Envoy's statistics do not name a service outside the cluster."""
        if self.service.outside is not None:
            return
        retries = self.signals.retries
        shown = (retries.rate, retries.succeeded, retries.exhausted)
        yield series(retries.share, self._of(retries.share), limits=self.limits.retries, width=8)
        yield series(retries.rate, *map(self._of, shown), width=12)

    def _pools(self) -> Iterator[Panel]:
        """How near the busiest caller is to the limits; those of a caller's proxy, not of all together."""
        if self.service.outside is not None or not policy.has_envoy(self.signals.mesh, self.service):
            return
        breakers, pool = self.signals.breakers, policy.breaker(self.inventory, self.service).pool
        limits = [(breakers.active_connections, pool.max_connections)]
        if self.requested:
            yield self._series(self.signals.overflow)
            limits.append((breakers.active_requests, pool.max_requests))
        for signal, most in limits:
            yield self._series(signal, limits=(Limit(Threshold(most.value, most.origin.why)),))
        yield self._series(breakers.handshakes_failed)

    def _mtls(self) -> Iterator[Panel]:
        if not self.service.in_mesh:
            return
        signals = self.signals
        judged = signals.mtls(self.service)
        whole = () if judged == signals.coverage else (self._of(signals.coverage),)
        yield series(judged, self._of(judged), *whole, limits=self.limits.mtls, width=8)
        plain = signals.mtls_plaintext(self.service)
        bare = Line(plain.of(self.service), plain.title, tone="warning")
        yield series(plain, bare, self._of(signals.received), title="Plaintext of all that arrives", width=8)
        if policy.watches_proxies(signals.mesh, self.service):
            boundaries = signals.boundaries
            shown = (self._by_pod(signal, signal.title) for signal in (boundaries.denied, boundaries.would_be_denied))
            yield series(boundaries.denied, *shown, width=8)

    def _proxies(self) -> Iterator[Panel]:
        signals = self.signals
        if not policy.watches_proxies(signals.mesh, self.service):
            return
        presence = signals.presence
        yield self._series(presence.reporting)
        yield self._series(presence.silent)
        for signal in (signals.saturation.cpu, signals.saturation.memory, signals.certificates.workloads):
            yield series(signal, self._by_pod(signal, POD), width=8)

    def _by_pod(self, signal: Signal, legend: str) -> Query:
        mine = signal.where((Matcher("namespace", "=", self.service.namespace), pods(self.service)))
        return Query(mine if legend == POD else sum_by((), mine), legend)

    def _series(self, signal: Signal, *, title: str | None = None, limits: tuple[Limit, ...] = ()) -> TimeSeries:
        return series(signal, self._of(signal), title=title, limits=limits)

    def _of(self, signal: Signal) -> Query:
        return Query(signal.of(self.service), signal.title)
