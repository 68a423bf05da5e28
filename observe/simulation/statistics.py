"""Envoy's own statistics of the clusters that stand for services, as each calling proxy counts them: only those that
the mesh's stats matcher lets out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.naming import WAYPOINT, host_of
from observe.simulation.flows import dealt
from observe.simulation.links import passes_waypoint
from observe.simulation.outcome import instances
from observe.simulation.reports import Pod, pods_of
from observe.simulation.traffic import REQUESTS_PER_CONNECTION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from observe.simulation.engine import Moment
    from observe.simulation.flows import Flow
    from observe.simulation.outcome import Outcome
    from observe.simulation.stage import Stage
    from observe.simulation.traffic import Link

PREFIX: Final = "envoy_cluster_"


def record_statistics(stage: Stage) -> None:
    """Counters and gauges of every cluster of a service in the cluster that somebody calls."""
    Statistics(stage).record()


@dataclass(frozen=True, slots=True)
class _Pool:
    """What one proxy has open to a cluster at each scrape, for all callers that it stands for."""

    wanted: tuple[float, ...]
    """Requests, or without requests connections, that would be open if there were no limit."""
    kept: tuple[float, ...]
    """Connections that stay open between requests: at least one to each instance."""
    limit: tuple[float, ...]
    multiplexed: bool
    """Whether one connection carries all requests to an instance, as in HTTP/2."""

    def __add__(self, other: _Pool) -> _Pool:
        wanted = tuple(map(sum, zip(self.wanted, other.wanted, strict=True)))
        return replace(self, wanted=wanted, kept=tuple(map(max, self.kept, other.kept)))

    def levels(self) -> Iterator[tuple[str, tuple[float, ...]]]:
        """The gauges, in whole numbers. To Envoy a connection without requests is a request too (`conn_pool_base.cc`,
        `attachStreamToClient`).
        """
        active = tuple(round(min(pair)) for pair in zip(self.wanted, self.limit, strict=True))
        yield "upstream_rq_active", active
        yield "upstream_cx_active", self.kept if self.multiplexed else tuple(map(max, active, self.kept))


class Statistics:
    """Collects gauges before they are told: several callers share a waypoint. Its worst view counts, and what it has
    open for all of them.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._let_out = tuple(re.compile(pattern) for pattern in telemetry.stats_matcher(stage.inventory))
        self._gauges: dict[tuple[str, str, Pod], tuple[float, ...]] = {}
        self._pools: dict[tuple[str, Pod], _Pool] = {}

    def record(self) -> None:
        for index, link in enumerate(self.stage.engine.links):
            if link.caller.proxy and link.caller.scraped and self._has_proxy(link):
                self._of_link(index, link)
        for (cluster, pod), pool in self._pools.items():
            for stat, values in pool.levels():
                if self._exported(cluster, stat):
                    self._gauge(_name(stat), cluster, pod, values)
        for (name, cluster, pod), values in self._gauges.items():
            self.stage.recorder.gauge(name, {"cluster_name": cluster}, pod, values)

    def _has_proxy(self, link: Link) -> bool:
        """Whether an Envoy carries the link: ztunnel has no such statistics."""
        return self.stage.mesh.data_plane == "sidecar" or link.caller.gateway or passes_waypoint(self.stage, link)

    def _of_link(self, index: int, link: Link) -> None:
        cluster, pods = self._cluster(link), self._pods(link)
        for stat, events in self._counters(index, link):
            if self._exported(cluster, stat):
                for place, pod in enumerate(pods):
                    own = dealt(events, len(pods), place)
                    self.stage.recorder.counter(_name(stat), {"cluster_name": cluster}, pod, own)
        for stat, values in self._levels(index, link):
            if self._exported(cluster, stat):
                for pod in pods:
                    self._gauge(_name(stat), cluster, pod, values)
        pool = self._pool(index, link)
        for pod in pods:
            before = self._pools.get((cluster, pod))
            self._pools[cluster, pod] = before + pool if before else pool

    def _counters(self, index: int, link: Link) -> Iterator[tuple[str, Flow]]:
        """What the caller's pods count together."""
        for stat, rate in _rates(self.stage.mesh.istio_minor).items():
            yield stat, self.stage.flow_of(_of_moment(index, rate))
        if self.stage.engine.detects(index):
            pods, ejections = len(self._pods(link)), self.stage.course.ejections.get(index)
            nothing = (0,) * (self.stage.scrapes - 1)
            enforced, refused = (ejections.enforced, ejections.refused) if ejections else (nothing, nothing)
            # Each proxy detects for itself, so together they count as many times as they are.
            yield "outlier_detection.ejections_enforced_total", tuple(count * pods for count in enforced)
            yield "outlier_detection.ejections_overflow", tuple(count * pods for count in refused)

    def _levels(self, index: int, link: Link) -> Iterator[tuple[str, tuple[float, ...]]]:
        """What each of the caller's pods sees at each scrape."""
        count, scrapes = instances(link), self.stage.scrapes
        ejections = self.stage.course.ejections.get(index)
        out = ejections.active if ejections else (0,) * scrapes
        if self.stage.engine.detects(index):
            yield "outlier_detection.ejections_active", out
        there = self.stage.values(lambda held: 0 if held.of(link.service.id).gone else count)
        yield "membership_total", there
        yield "membership_healthy", tuple(max(total - ejected, 0) for total, ejected in zip(there, out, strict=True))
        full = self._at_scrapes(lambda moment: float(moment.outcomes[index].overflowed > 0))
        yield "circuit_breakers.default.rq_open", full
        yield "circuit_breakers.default.cx_open", (0,) * scrapes
        yield "circuit_breakers.default.rq_pending_open", full

    def _pool(self, index: int, link: Link) -> _Pool:
        engine, count = self.stage.engine, instances(link)

        def kept(moment: Moment) -> float:
            come = not link.is_tcp and moment.rates[index] * moment.outcomes[index].tries > 0
            return count if come else 0

        return _Pool(
            self._at_scrapes(lambda moment: engine.wanted(index, moment.rates[index], moment.outcomes[index])),
            self._at_scrapes(kept),
            self._at_scrapes(lambda moment: engine.limit(index, moment.conditions)),
            multiplexed=link.port.protocol == "grpc",
        )

    def _at_scrapes(self, value: Callable[[Moment], float]) -> tuple[float, ...]:
        course = self.stage.course
        values = tuple(value(course.moments[ticks[-1]]) for ticks in course.scrapes)
        return (values[0] if values else 0.0, *values)

    def _gauge(self, name: str, cluster: str, pod: Pod, values: tuple[float, ...]) -> None:
        before = self._gauges.get((name, cluster, pod))
        self._gauges[name, cluster, pod] = tuple(map(max, before, values)) if before else values

    def _exported(self, cluster: str, stat: str) -> bool:
        """Whether the stats matcher lets a statistic out; the name that it reads has a `;` after the cluster's."""
        raw = f"cluster.{cluster};.{stat}"
        return any(pattern.fullmatch(raw) for pattern in self._let_out)

    def _pods(self, link: Link) -> tuple[Pod, ...]:
        if passes_waypoint(self.stage, link):
            return pods_of(link.service.namespace, WAYPOINT)
        return link.caller.pods

    def _cluster(self, link: Link) -> str:
        """The cluster's name; with several versions that of the one that gets most (istio `model.BuildSubsetKey`)."""
        host, number = host_of(self.stage.mesh, link.service), link.port.number
        versions = [version for version in link.service.versions if version.weight]
        subset = max(versions, key=lambda version: version.weight).name if versions else ""
        if passes_waypoint(self.stage, link):
            return f"inbound-vip|{number}|{'/'.join(filter(None, ('http', subset)))}|{host}"
        return f"outbound|{number}|{subset}|{host}"


def _rates(istio_minor: int) -> Mapping[str, Callable[[float, Outcome], float]]:
    """Events per second by statistic, from the link's requests per second and what becomes of them.

    Envoy counts requests over `http2MaxRequests` apart since 1.38, which is Istio 1.30; before, they were pending
    overflow.
    """
    over = "upstream_rq_active_overflow" if istio_minor >= 30 else "upstream_rq_pending_overflow"
    rates: dict[str, Callable[[float, Outcome], float]] = {
        "upstream_rq_retry": lambda rate, result: rate * result.retried,
        "upstream_rq_retry_success": lambda rate, result: rate * result.retried_well,
        "upstream_rq_retry_limit_exceeded": lambda rate, result: rate * result.gave_up,
        "upstream_rq_retry_overflow": _never,
        "upstream_cx_overflow": _never,
        "upstream_rq_pending_overflow": _never,
        "upstream_rq_timeout": lambda rate, result: rate * result.timed_out,
        "upstream_rq_per_try_timeout": _never,
        "upstream_cx_connect_fail": lambda rate, result: rate * result.unreached,
        "upstream_cx_connect_timeout": _never,
        "ssl.handshake": lambda rate, result: rate * result.tries / REQUESTS_PER_CONNECTION,
        "ssl.connection_error": lambda rate, result: rate * result.unreached,
    }
    rates[over] = lambda rate, result: rate * result.overflowed
    return rates


def _never(rate: float, result: Outcome) -> float:  # noqa: ARG001 - the shape of a rate
    return 0.0


def _of_moment(index: int, rate: Callable[[float, Outcome], float]) -> Callable[[Moment], float]:
    return lambda moment: rate(moment.rates[index], moment.outcomes[index])


def _name(stat: str) -> str:
    return PREFIX + re.sub(r"[^a-zA-Z0-9_]", "_", stat)
