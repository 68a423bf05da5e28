"""A stretch of time in which things happen to a service: told to the recorder as proxies would see them, and kept as
what truly happened, from which follows what alerts must say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

from observe.naming import SERVICE_LABELS
from observe.proofs.scale import MINUTE
from observe.proofs.stage import receives
from observe.signals import service_labels
from observe.simulation import Recorder, Restart, Telemetry
from observe.simulation.flows import dealt
from observe.simulation.reports import Answer, Caller, Pod, Report, cluster_of, success

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from observe.model import Service
    from observe.proofs.stage import Stage
    from observe.signals import Signal
    from observe.simulation import Flow

HISTORY: Final = 1_000_000
"""What counters begin at: proxies have been up for long, so rates look back as far as they may."""

Kind = Literal["request", "connection", "retry", "ejection denied", "overflow", "refusal", "blocked"]


@dataclass(frozen=True, slots=True)
class Stream:
    """Events that are alike, as they truly happened."""

    kind: Kind
    events: Flow
    service: str = ""
    """Whose id they are events of."""
    caller: str = ""
    """Namespace and workload."""
    failed: bool = False
    refused: bool = False
    flags: str = "-"
    endpoint: str = ""
    counted: bool = True
    """Whether the side reports it that rates are counted by."""
    received: bool = False
    """Whether the side reports it that knows how it was secured."""
    secured: bool = True
    inside: bool = True
    """Whether the caller has a proxy."""
    milliseconds: float | None = None
    """How long each took, where that was measured."""


Chosen = Callable[[Stream], bool]


@dataclass
class Scene:
    """Collects what happens."""

    stage: Stage
    name: str
    length: float
    """Minutes."""
    buckets: tuple[float, ...] = ()
    """The limits of the latency buckets that are kept; none: durations are left out."""
    reset: float | None = None
    """The minute at which the counters of all pods of the service and of its caller begin anew."""
    blind: float | None = None
    """The minute from which on Prometheus has nothing any more."""
    again: float | None = None
    """The minute from which on happens what has happened before."""
    looks: tuple[float, ...] = ()
    """Minutes at which is asserted what is active, also where nothing changes: one event, which is none."""
    streams: list[Stream] = field(default_factory=list)
    gauges: dict[str, list[tuple[float | None, ...]]] = field(default_factory=dict)
    """What truly was, by name, at each scrape."""
    fed: dict[str, tuple[float | None, ...]] = field(default_factory=dict)
    """Records that are given instead of measured, at each scrape."""
    given: list[tuple[str, Mapping[str, str], tuple[float | None, ...]]] = field(default_factory=list)
    """Records of others, or with more labels: name, labels, values."""
    named: dict[str, tuple[Mapping[str, str], float]] = field(default_factory=dict)
    """What sentences of alerts find in these, by how they begin: labels and value."""
    worked_out: dict[tuple[object, ...], tuple[float | None, ...]] = field(default_factory=dict)
    """What is known about the scene by now (`Truth.known`)."""

    def __post_init__(self) -> None:
        again = Restart(self.reset) if self.reset is not None else None
        self.recorder = Recorder(
            self.stage.signals.mesh,
            self.step // 1_000,
            restarts=dict.fromkeys(self._restarting(), again) if again else {},
            history=HISTORY,
            limits=self.buckets,
        )

    @property
    def step(self) -> int:
        return self.stage.step

    @property
    def interval(self) -> int:
        return self.stage.interval

    @cached_property
    def scrapes(self) -> int:
        """After the first one."""
        return round(self.length * MINUTE / self.step)

    @property
    def last(self) -> int:
        """The last scrape that brought anything."""
        return self.scrapes if self.blind is None else round(self.blind * MINUTE / self.step) - 1

    @property
    def known_from(self) -> int:
        """The evaluation from which on happens what has happened before."""
        return len(self.evaluations) if self.again is None else int(self.again * MINUTE // self.interval)

    @property
    def evaluations(self) -> range:
        """When rules are evaluated, in milliseconds."""
        return range(0, self.scrapes * self.step + 1, self.interval)

    def flow(self, *phases: tuple[float, float]) -> Flow:
        """Events per scrape from phases, each with its end in minutes and its events per scrape; zero after the last.

        Parts of an event wait for the next scrape, so that as many come as were asked for.
        """
        events: list[int] = []
        left = 0.0
        for end, each in phases:
            while len(events) < round(end * MINUTE / self.step):
                left += each
                events.append(int(left + 1e-6))
                left -= events[-1]
        return tuple(events + [0] * (self.scrapes - len(events)))

    def once(self, *minutes: float) -> Flow:
        """One event at each of these minutes."""
        events = [0] * self.scrapes
        for minute in minutes:
            events[int(minute * MINUTE // self.step)] += 1
        return tuple(events)

    def share(self, events: Flow, pod: Pod) -> Flow:
        """The part of the events that one of the service's pods sees: they take turns."""
        return dealt(events, len(self.stage.pods), self.stage.pods.index(pod))

    def rest(self, whole: int, *parts: Flow) -> Flow:
        """What is left of so many events per scrape."""
        return tuple(whole - sum(each) for each in zip(*parts, strict=True))

    def phases(
        self, *phases: tuple[float, float | None], without: Sequence[tuple[float, float]] = ()
    ) -> tuple[float | None, ...]:
        """A value at each scrape from phases, each with its end in minutes; nothing from some minutes to others."""
        values: list[float | None] = []
        for end, value in phases:
            values += [value] * (round(end * MINUTE / self.step) - len(values))
        values += [phases[-1][1]] * (self.scrapes + 1 - len(values))
        for begin, end in without:
            first, last = (round(minute * MINUTE / self.step) for minute in (begin, end))
            values[first:last] = [None] * len(values[first:last])
        return tuple(values)

    def request(
        self,
        events: Flow,
        caller: Caller | None = None,
        answer: Answer | None = None,
        *,
        failed: bool = False,
        refused: bool = False,
        endpoint: str = "",
        milliseconds: float = 1,
        only: Callable[[Report], bool] = lambda _: True,
    ) -> None:
        """Requests to the service. `only` says which reports are worth their bytes."""
        service, caller = self.stage.service, caller or self.stage.caller
        answer = answer or success(service)
        reports = [report for report in self.stage.requests(caller, arrived=answer.arrived) if only(report)]
        for report in reports:
            self.recorder.report(report, service, events, answer, milliseconds, endpoint=endpoint)
        known = reports[0].labels if reports else {}
        self.streams.append(
            Stream(
                "request",
                events,
                service.id,
                f"{known.get('source_workload_namespace')}/{known.get('source_workload')}",
                failed=failed,
                refused=refused,
                flags=answer.flags,
                endpoint=endpoint if any(map(receives, reports)) else "",
                counted=any(map(self.stage.counts, reports)),
                received=any(map(receives, reports)),
                secured=caller.secured,
                inside=known.get("source_workload") != "unknown",
                milliseconds=milliseconds if self.buckets and answer.code != "0" else None,
            )
        )

    def sent(
        self,
        callee: Service,
        events: Flow,
        answer: Answer | None = None,
        *,
        failed: bool = False,
        milliseconds: float = 1,
    ) -> None:
        """Requests that the service itself makes."""
        for report in self.stage.sent(callee):
            self.recorder.report(report, callee, events, answer or success(callee), milliseconds)
        timed = milliseconds if self.buckets else None
        self.streams.append(Stream("request", events, callee.id, failed=failed, milliseconds=timed))

    def connection(
        self,
        events: Flow,
        caller: Caller | None = None,
        *,
        flags: str = "-",
        arrived: bool = True,
        only: Callable[[Report], bool] = lambda _: True,
    ) -> None:
        """TCP connections to the service."""
        caller = caller or self.stage.caller
        reports = [report for report in self.stage.connections(caller, arrived=arrived) if only(report)]
        for report in reports:
            self.recorder.report_connections(report, events, flags=flags)
        known = reports[0].labels if reports else {}
        self.streams.append(
            Stream(
                "connection",
                events,
                self.stage.service.id,
                f"{known.get('source_workload_namespace')}/{known.get('source_workload')}",
                failed=flags != "-",
                flags=flags,
                counted=any(report.reporter == "source" for report in reports),
                received=any(map(receives, reports)),
                secured=caller.secured,
                inside=known.get("source_workload") != "unknown",
            )
        )

    def counted(self, kind: Kind, name: str, labels: Mapping[str, str], pod: Pod, events: Flow) -> None:
        """Events that a proxy counts by a name of its own."""
        self.recorder.counter(name, labels, pod, events)
        self.streams.append(Stream(kind, events, self.stage.service.id))

    def gauge(
        self,
        what: str,
        name: str,
        labels: Mapping[str, str],
        pod: Pod,
        values: tuple[float | None, ...],
    ) -> None:
        """A gauge, with a value for each scrape."""
        self.recorder.gauge(name, labels, pod, values)
        self.gauges.setdefault(what, []).append(values)

    def feed(self, record: str, *phases: tuple[float, float | None]) -> None:
        """A record of the service, given instead of measured."""
        self.fed[record] = self.phases(*phases)

    def mention(self, sentence: str, signal: Signal, labels: Mapping[str, str], value: float) -> None:
        """What a sentence of an alert's text finds in a record that is given, and steady."""
        self.given.append((signal.record, labels, self.phases((self.length, value))))
        self.named[sentence] = labels, value

    def elsewhere(self, record: str, *phases: tuple[float, float | None]) -> None:
        """A record of two services that are easily confused with this one."""
        namespace, name = service_labels(self.stage.service).values()
        for other in ((namespace, f"{name}-2"), (f"{namespace}-2", name)):
            self.given.append((record, dict(zip(SERVICE_LABELS, other, strict=True)), self.phases(*phases)))

    @property
    def cluster_labels(self) -> dict[str, str]:
        """The label that tells clusters apart, where there is one."""
        mesh = self.stage.signals.mesh
        label = mesh.prometheus.cluster_label
        return {label: cluster_of(mesh)} if label else {}

    def telemetry(self) -> Telemetry:
        if self.blind is not None:
            self.recorder.blind(self.blind, self.length + 1)
        return self.recorder.telemetry()

    def _restarting(self) -> Iterable[Pod]:
        yield from self.stage.pods
        yield self.stage.caller.pods[0]
        yield self.stage.client


def added(one: Flow, other: Flow) -> Flow:
    """Both kinds of events together."""
    return tuple(map(sum, zip(one, other, strict=True)))
