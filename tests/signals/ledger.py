"""What passes in a simulated mesh, told by the simulation's own course, before any proxy reports it.

Rows are requests and connections that end alike. Who of them sees what is said here a second time, on purpose, in
other words than the simulation's recorder and the signals have: both are judged by it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from observe import naming
from observe.drills.laboratory import EPOCH
from observe.graph import Graph
from observe.simulation import Incident, simulate
from observe.simulation.engine import TICKS, Engine
from observe.simulation.links import BLOCKED_RATE, CLIENT_FAULTS, OUTSIDE_TIME
from observe.simulation.reports import PODS, Answer, caller_of, pods_of
from observe.simulation.stage import Timeline
from observe.simulation.traffic import EXTERNAL_RATE, REQUESTS_PER_CONNECTION, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from observe.model import Inventory, Mesh, Service
    from observe.simulation import Telemetry
    from observe.simulation.conditions import Effect
    from observe.simulation.engine import Course
    from observe.simulation.outcome import Told
    from observe.simulation.recorder import Durations
    from observe.simulation.reports import Pod
    from observe.simulation.traffic import Link

__all__ = ["PODS", "Row", "World"]


@dataclass(frozen=True, slots=True)
class Row:
    """Requests, or TCP connections, that look alike to who reports them."""

    link: Link
    kind: str
    """`request` or `connection`."""
    side: str
    """Whose view it is: `caller` or `callee`; in ambient both are the waypoint's, or the ztunnels'."""
    source: tuple[str, str]
    """Namespace and workload as the reports say; `unknown` without a proxy."""
    encrypted: bool
    code: str = ""
    grpc: str = ""
    flags: str = "-"
    operation: str = ""
    durations: Durations = ()
    rates: tuple[float, ...] = ()
    """Per second, by moment of the course."""

    @property
    def service(self) -> tuple[str, str]:
        """Namespace and name as the reports say."""
        callee = self.link.service
        return callee.namespace, callee.outside.host if callee.outside else callee.name

    @property
    def protocol(self) -> str:
        return "grpc" if self.link.service.speaks_grpc else "http"

    @property
    def failed(self) -> bool:
        """By the server's or the network's fault."""
        if self.code.startswith("5"):
            return True
        if self.code == "0":
            return "DC" not in self.flags.split(",")
        return self.grpc in ("2", "4", "12", "13", "14", "15")


@dataclass(frozen=True)
class World:
    """A mesh in which the same effects hold from the first scrape to the last, so that every window sees the same."""

    inventory: Inventory
    effects: tuple[Effect, ...]
    minutes: int

    @property
    def mesh(self) -> Mesh:
        return self.inventory.mesh

    @property
    def step(self) -> int:
        return self.mesh.prometheus.scrape_interval // 1000

    @property
    def cluster(self) -> dict[str, str]:
        """What tells everything in this cluster from what is in others, where a label does."""
        label = self.mesh.prometheus.cluster_label
        return {label: self.mesh.installation.cluster or "Kubernetes"} if label else {}

    @cached_property
    def telemetry(self) -> Telemetry:
        happening = Incident(
            name="all at once", title="", story="", services=(), effects=self.effects, lasts=self.minutes + 1
        )
        return simulate(self.inventory, happening, minutes=self.minutes, begin=0, epoch=EPOCH)

    @cached_property
    def engine(self) -> Engine:
        return Engine(Traffic(Graph(self.inventory)))

    @cached_property
    def course(self) -> Course:
        timeline = Timeline(self.effects, 0, (self.minutes + 1) * 60)
        return self.engine.run(self.minutes * 60 // self.step + 1, self.step, timeline.at)

    def weights(self, window: int) -> dict[int, float]:
        """How much each moment counts in a rate over so many seconds that ends with the last scrape.

        The first sample in the window is a step after its beginning, and from there on the counters are seen:
        `rate` takes the rest to be like that (prometheus `promql/functions.go`, `extrapolatedRate`).
        """
        seen = self.course.scrapes[-(window // self.step - 1) :]
        counts = Counter(moment for ticks in seen for moment in ticks)
        return {moment: count / (len(seen) * TICKS) for moment, count in counts.items()}

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """All that anybody could report."""
        return tuple(row for row in self._rows() if any(row.rates))

    def _rows(self) -> Iterator[Row]:
        for index, link in enumerate(self.engine.links):
            if link.is_tcp:
                yield from self._connections(index, link)
            else:
                yield from self._requests(index, link)
                if self.mesh.data_plane == "ambient":
                    yield from self._tunnels(index, link)
        for link in self.engine.traffic.departures:
            yield from self._departures(link)

    def _requests(self, index: int, link: Link) -> Iterator[Row]:
        for side in ("caller", "callee"):
            told: dict[tuple[bool, Answer, str, Durations], list[float]] = {}
            for place, moment in enumerate(self.course.moments):
                outcome = moment.outcomes[index]
                for one in _asked_amiss(link, outcome.sent if side == "caller" else outcome.arrived):
                    kind = (self._encrypted(link, place), one.answer, one.operation, one.durations)
                    told.setdefault(kind, [0.0] * len(self.course.moments))[place] += moment.rates[index] * one.part
            for (encrypted, answer, operation, durations), rates in told.items():
                yield Row(
                    link, "request", side, _named(link), encrypted, answer.code, answer.grpc, answer.flags,
                    operation, durations, tuple(rates),
                )  # fmt: skip

    def _connections(self, index: int, link: Link) -> Iterator[Row]:
        for lost in (False, True):
            rates: dict[bool, list[float]] = {}
            for place, moment in enumerate(self.course.moments):
                part = moment.outcomes[index].unreached
                rate = moment.rates[index] / REQUESTS_PER_CONNECTION * (part if lost else 1 - part)
                rates.setdefault(self._encrypted(link, place), [0.0] * len(self.course.moments))[place] = rate
            for encrypted, passed in rates.items():
                row = Row(link, "connection", "caller", _named(link), encrypted, rates=tuple(passed))
                if lost:
                    yield replace(row, flags="UF")
                else:
                    yield from (row, replace(row, side="callee"))

    def _tunnels(self, index: int, link: Link) -> Iterator[Row]:
        """Below requests in ambient. The callee's ztunnel sees the waypoint, where there is one before the service."""
        behind = ("waypoint", True) if self.waypoint(link) else None
        passed: dict[bool, list[float]] = {}
        for place, moment in enumerate(self.course.moments):
            rate = moment.rates[index] * moment.outcomes[index].tries / REQUESTS_PER_CONNECTION
            passed.setdefault(self._encrypted(link, place), [0.0] * len(self.course.moments))[place] = rate
        for encrypted, rates in passed.items():
            row = Row(link, "connection", "caller", _named(link), encrypted, rates=tuple(rates))
            yield row
            if behind:
                workload, secured = behind
                yield replace(row, side="callee", source=(link.service.namespace, workload), encrypted=secured)
            else:
                yield replace(row, side="callee")

    def _departures(self, link: Link) -> Iterator[Row]:
        rates = (EXTERNAL_RATE,) * len(self.course.moments)
        if link.is_tcp or self.mesh.data_plane == "ambient":
            yield Row(link, "connection", "caller", _named(link), encrypted=False, rates=rates)
        else:
            durations = ((1, float(OUTSIDE_TIME)),)
            yield Row(link, "request", "caller", _named(link), False, "200", durations=durations, rates=rates)

    def _encrypted(self, link: Link, moment: int) -> bool:
        plaintext = self.course.moments[moment].conditions.between(link.key).plaintext
        return link.caller.secured and not plaintext and link.service.mtls.mode != "DISABLE"

    def waypoint(self, link: Link) -> bool:
        """Whether a waypoint stands between."""
        captured = link.caller.proxy and not link.caller.gateway and not link.is_tcp
        return self.mesh.data_plane == "ambient" and captured and self.mesh.has_waypoint(link.service.namespace)

    def _watched(self, link: Link) -> bool:
        """Whether an ambient mesh knows of single requests on a link: by a waypoint, or by a gateway around it."""
        return self.waypoint(link) or link.caller.gateway

    @cached_property
    def counted(self) -> tuple[Row, ...]:
        """Requests, each once: as the caller's proxy counts them, else, for callers without one, the callee's."""
        requests = [row for row in self.rows if row.kind == "request"]
        if self.mesh.data_plane == "ambient":
            return tuple(row for row in requests if row.side == "caller" and self._watched(row.link))
        return tuple(
            row
            for row in requests
            if (row.side == "caller" and row.link.caller.proxy and row.link.caller.scraped)
            or (row.side == "callee" and not row.link.caller.proxy and row.link.service.in_mesh)
        )

    @cached_property
    def arrived(self) -> tuple[Row, ...]:
        """Requests and connections as the callee counts them; in ambient the waypoint speaks for it."""
        if self.mesh.data_plane == "ambient":
            requests = tuple(row for row in self.counted if self.waypoint(row.link))
        else:
            requests = tuple(row for row in self.rows if row.kind == "request" and row.side == "callee")
        connections = tuple(row for row in self.rows if row.kind == "connection" and row.side == "callee")
        return tuple(row for row in (*requests, *connections) if row.link.service.in_mesh)

    @cached_property
    def dialled(self) -> tuple[Row, ...]:
        """Connections, each once: as the callers' proxies, or ztunnels, count them. A sidecar counts those of callers
        who have none; a ztunnel has the same names for all callers, so there they are left out.
        """
        return tuple(row for row in self.rows if row.kind == "connection" and self._once(row))

    def _once(self, row: Row) -> bool:
        caller, callee = row.link.caller, row.link.service
        if row.side == "caller":
            return caller.proxy and caller.scraped
        return self.mesh.data_plane == "sidecar" and callee.in_mesh and not caller.proxy

    @cached_property
    def carrying(self) -> tuple[Row, ...]:
        """Connections over which something is sent, each once; in ambient the callee's ztunnel tells."""
        if self.mesh.data_plane == "ambient":
            return tuple(row for row in self.arrived if row.kind == "connection")
        return tuple(row for row in self.dialled if row.flags == "-")

    @cached_property
    def blocked(self) -> dict[tuple[str, str], float]:
        """Requests per second to hosts that nobody declared, by caller."""
        dialling = {name for moment in self.course.moments for name in moment.conditions.blocked}
        return {_workload(self.inventory.by_id[name]): BLOCKED_RATE for name in dialling}

    def statistics(self) -> Iterator[tuple[int, Link]]:
        """The links whose callers have an Envoy that counts by cluster."""
        for index, link in enumerate(self.engine.links):
            sidecar = self.mesh.data_plane == "sidecar"
            envoy = (
                link.caller.proxy and link.caller.scraped and (sidecar or link.caller.gateway or self.waypoint(link))
            )
            if envoy and link.service.outside is None:
                yield index, link

    def pods(self, link: Link) -> frozenset[Pod]:
        """Who counts a link's statistics."""
        return frozenset(pods_of(link.service.namespace, naming.WAYPOINT) if self.waypoint(link) else link.caller.pods)


def _asked_amiss(link: Link, told: Iterable[Told]) -> Iterator[Told]:
    """A part of the good requests from outside asks for what is not there."""
    for one in told:
        good = one.answer in (Answer(), Answer(grpc="0"))
        if good and link.origin is None:
            amiss = Answer(grpc="5") if link.service.speaks_grpc else Answer("404")
            yield replace(one, part=one.part * (1 - CLIENT_FAULTS))
            yield replace(one, part=one.part * CLIENT_FAULTS, answer=amiss)
        else:
            yield one


def _named(link: Link) -> tuple[str, str]:
    return (link.caller.namespace, link.caller.workload) if link.caller.proxy else ("unknown", "unknown")


def _workload(service: Service) -> tuple[str, str]:
    caller = caller_of(service)
    return caller.namespace, caller.workload
