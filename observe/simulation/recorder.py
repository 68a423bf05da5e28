"""A mesh's telemetry without the mesh: is told streams of requests, connections and statistics, gives series.

Every request from one sidecar to another gives two reports, one by each side, as in a real mesh; so does every TCP
connection. Streams that differ in nothing that a label shows are one series, added up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Final, Self

from observe import telemetry
from observe.simulation import flows
from observe.simulation.reports import (
    WEB,
    Answer,
    Caller,
    Pod,
    Report,
    connection_reports,
    failure,
    frozen,
    request_reports,
    success,
    turned_away,
)
from observe.simulation.telemetry import Labels, Series, Telemetry, Values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from observe.model import Mesh, Service
    from observe.simulation.flows import Flow

__all__ = ["HISTORY", "Answer", "Caller", "Pod", "Recorder", "Restart", "failure", "success", "turned_away"]

HISTORY: Final = 1_000
"""What counters stand at when the first scrape comes: proxies have been up for a while."""

Durations = tuple[tuple[int, float], ...]
"""How many of the requests take so many milliseconds each, fastest first: shares, of what they add up to."""
Key = tuple[str, Labels, Pod | None]
"""A series before its pod's names are put to it; None for one that no pod reports."""


@dataclass(frozen=True, slots=True)
class Restart:
    """A pod's counters begin anew at a minute: the process restarted, or a new pod took over."""

    minute: float
    successor: Pod | None = None


@dataclass(frozen=True, slots=True)
class Downtime:
    """Scrapes that brought nothing of a pod: from the first one to the one before the last."""

    begin: int
    end: int
    gone: bool
    """Whether there was no pod: then it is no target either, and its counters begin anew. Else its scrapes failed."""


@dataclass(slots=True)
class _Counter:
    """What one series counts."""

    begin: int | None
    """What it stands at first; None: it does not exist before it counts."""
    streams: list[Flow] = field(default_factory=list)


@dataclass(slots=True)
class Recorder:
    """Collects what proxies would count; `telemetry` gives it as Prometheus would have scraped it."""

    mesh: Mesh
    step: int = 15
    """Seconds between two scrapes."""
    restarts: Mapping[Pod, Restart] = field(default_factory=dict)
    history: int | None = HISTORY
    """What counters begin at. None: they do not exist until they first count, as for an answer never seen before."""
    limits: tuple[float, ...] = telemetry.BUCKETS
    """Upper limits of the latency buckets in milliseconds."""
    _counters: dict[Key, _Counter] = field(default_factory=dict)
    _gauges: dict[Key, Values] = field(default_factory=dict)
    _targets: dict[Pod, None] = field(default_factory=dict)
    _downtimes: dict[Pod, list[Downtime]] = field(default_factory=dict)
    _blind: list[tuple[int, int]] = field(default_factory=list)

    def scrapes(self, minutes: float) -> int:
        """How many scrapes such a time takes."""
        return round(minutes * 60 / self.step)

    def requests(
        self,
        service: Service,
        events: Flow,
        answer: Answer | None = None,
        caller: Caller = WEB,
        milliseconds: float | Durations = 20,
        *,
        endpoint: str = "",
    ) -> Self:
        """Requests that all end alike, as everyone reports them who sees them."""
        answer = answer or success(service)
        for report in request_reports(self.mesh, service, caller, arrived=answer.arrived):
            self.report(report, service, events, answer, milliseconds, endpoint=endpoint)
        return self

    def report(
        self,
        report: Report,
        service: Service,
        events: Flow,
        answer: Answer,
        milliseconds: float | Durations = 20,
        *,
        endpoint: str = "",
        known: bool = True,
    ) -> Self:
        """Requests that all end alike, as one side reports them; of the sides only the callee's knows the endpoint.

        With `known` false the series begin when they first count, whatever the recorder's history.
        """
        labels = {**report.labels, **_answer(service, answer)}
        told = {telemetry.ENDPOINT: endpoint} if endpoint and report.reporter != "source" else {}
        self._count(telemetry.REQUESTS, {**labels, **told}, report.pods, events, known=known)
        if answer.code != "0":
            self._durations(labels, report.pods, events, _shares(milliseconds), known=known)
        return self

    def connections(
        self,
        service: Service,
        events: Flow,
        caller: Caller = WEB,
        *,
        flags: str = "-",
        arrived: bool = True,
        sent: int = 4_000,
        received: int = 1_000,
    ) -> Self:
        """TCP connections that open and close within a scrape, and the bytes of each one in both directions."""
        for report in connection_reports(self.mesh, service, caller, arrived=arrived):
            self.report_connections(report, events, flags=flags, sent=sent, received=received)
        return self

    def report_connections(
        self, report: Report, events: Flow, *, flags: str = "-", sent: int = 4_000, received: int = 1_000
    ) -> Self:
        """The same, as one side reports it.

        Envoy freezes the labels when it first reports a connection; ztunnel has its flags when the connection closes,
        none when it opens, and counts failures apart since Istio 1.29.
        """
        ztunnel = report.pods[0].job == "ztunnel"
        labels = {**report.labels, "request_protocol": "tcp"}
        opened, closed = {**labels, "response_flags": "-" if ztunnel else flags}, {**labels, "response_flags": flags}
        known = flags == "-"
        self._count(telemetry.TCP_OPENED, opened, report.pods, events, known=known)
        self._count("istio_tcp_connections_closed_total", closed, report.pods, events, known=known)
        if ztunnel and flags != "-" and self.mesh.istio_minor >= 29:
            self._count("istio_tcp_connections_failed_total", closed, report.pods, events, known=False)
        if known:
            for name, size in (("sent", sent), ("received", received)):
                bytes_ = tuple(count * size for count in events)
                self._count(f"istio_tcp_{name}_bytes_total", opened, report.pods, bytes_, known=True)
        return self

    def counter(
        self, name: str, labels: Mapping[str, str], pod: Pod | None, events: Flow, *, known: bool = True
    ) -> Self:
        """Any other counter of a pod."""
        self._add(name, frozen(labels), pod, events, self._begin(known=known))
        return self

    def gauge(self, name: str, labels: Mapping[str, str], pod: Pod | None, values: Iterable[float | None]) -> Self:
        """A gauge of a pod; its last value holds to the end."""
        self._gauges[name, frozen(labels), pod] = tuple(values)
        return self

    def ejected(self, pod: Pod, cluster_name: str, *phases: tuple[float, int]) -> Self:
        """How many instances behind an Envoy cluster one client pod has ejected, by phases of minutes."""
        values = [count for minutes, count in phases for _ in range(self.scrapes(minutes))]
        return self.gauge(telemetry.EJECTIONS_ACTIVE, {"cluster_name": cluster_name}, pod, values)

    def up(self, *pods: Pod) -> Self:
        """Targets of Prometheus, which has a series `up` for each."""
        self._targets |= dict.fromkeys(pods)
        return self

    def unscraped(self, pods: Iterable[Pod], begin: float, end: float) -> Self:
        """From one minute to another scrapes of the pods fail: `up` is 0, and all they report is gone."""
        return self._down(pods, begin, end, gone=False)

    def gone(self, pods: Iterable[Pod], begin: float, end: float) -> Self:
        """From one minute to another there are no such pods; those that come then begin to count at zero."""
        return self._down(pods, begin, end, gone=True)

    def blind(self, begin: float, end: float) -> Self:
        """From one minute to another Prometheus has nothing of anything, not even `up`."""
        self._blind.append((self.scrapes(begin), self.scrapes(end)))
        return self

    def telemetry(self) -> Telemetry:
        """Everything as Prometheus has scraped it, sorted by name and labels."""
        counters = {key: (flows.added(counter.streams), counter.begin) for key, counter in self._counters.items()}
        longest = max((len(events) + 1 for events, _ in counters.values()), default=0)
        scrapes = max(longest, *(len(values) for values in self._gauges.values()), 0, 0)
        series = [one for key, (events, begin) in counters.items() for one in self._lives(key, events, begin, scrapes)]
        series += [self._series(key, _held(values, scrapes)) for key, values in self._gauges.items()]
        series += [self._up(pod, scrapes) for pod in self._targets]
        shown = (one for one in series if any(value is not None for value in one.values))
        return Telemetry(self.step, tuple(sorted(shown, key=lambda one: (one.name, one.labels))))

    def _begin(self, *, known: bool) -> int | None:
        return self.history if known else None

    def _down(self, pods: Iterable[Pod], begin: float, end: float, *, gone: bool) -> Self:
        for pod in pods:
            self._downtimes.setdefault(pod, []).append(Downtime(self.scrapes(begin), self.scrapes(end), gone))
        return self

    def _durations(
        self, labels: Mapping[str, str], pods: tuple[Pod, ...], events: Flow, shares: Durations, *, known: bool
    ) -> None:
        """The histogram of one kind of answer: buckets, count and sum of each pod."""
        whole = sum(weight for weight, _ in shares)
        for place, pod in enumerate(pods):
            own = _dealt(events, len(pods), place)
            begin = self._begin(known=known)
            for limit in self.limits:
                part = sum(weight for weight, taken in shares if taken <= limit)
                first = begin * part // whole if begin is not None else None
                bucket = frozen({**labels, "le": str(float(limit))})
                self._add(telemetry.DURATION_BUCKET, bucket, pod, _share(own, part, whole), first)
            mean = sum(weight * taken for weight, taken in shares) / whole
            total = tuple(round(count * mean) for count in own)
            self._add(telemetry.DURATION_BUCKET, frozen({**labels, "le": "+Inf"}), pod, own, begin)
            self._add(f"{DURATION}_count", frozen(labels), pod, own, begin)
            self._add(f"{DURATION}_sum", frozen(labels), pod, total, round(begin * mean) if begin else begin)

    def _count(self, name: str, labels: Mapping[str, str], pods: tuple[Pod, ...], events: Flow, *, known: bool) -> None:
        """Add the events to each pod's counter, dealt out in turn."""
        for place, pod in enumerate(pods):
            self._add(name, frozen(labels), pod, _dealt(events, len(pods), place), self._begin(known=known))

    def _add(self, name: str, labels: Labels, pod: Pod | None, events: Flow, begin: int | None) -> None:
        counter = self._counters.setdefault((name, labels, pod), _Counter(begin))
        counter.begin = begin if counter.begin is None else counter.begin
        counter.streams.append(events)

    def _lives(self, key: Key, events: Flow, begin: int | None, scrapes: int) -> Iterator[Series]:
        """A counter's series; after a restart it begins at zero, as the same series or as its successor's."""
        name, labels, pod = key
        values = _values(events, begin, scrapes)
        restart = self.restarts.get(pod) if pod else None
        if restart is None:
            yield self._series(key, values)
            return
        end = self.scrapes(restart.minute)
        after = _anew(values, end)
        if restart.successor is None:
            yield self._series(key, (*values[: end + 1], *after))
        else:
            yield self._series(key, (*values[: end + 1], *(None for _ in after)))
            yield self._series((name, labels, restart.successor), (*(None for _ in values[: end + 1]), *after))

    def _series(self, key: Key, values: Values) -> Series:
        name, labels, pod = key
        for down in self._downtimes.get(pod, ()) if pod else ():
            values = _without(values, down, counts=key in self._counters)
        for begin, end in self._blind:
            values = _blanked(values, begin, end)
        return Series(name, frozen({**dict(labels), **pod.labels(self.mesh)}) if pod else labels, values)

    def _up(self, pod: Pod, scrapes: int) -> Series:
        values: list[float | None] = [1] * scrapes
        for down in self._downtimes.get(pod, ()):
            for index in range(down.begin, min(down.end, scrapes)):
                values[index] = None if down.gone else 0
        return Series("up", frozen(pod.labels(self.mesh)), self._blinded(tuple(values)))

    def _blinded(self, values: Values) -> Values:
        for begin, end in self._blind:
            values = _blanked(values, begin, end)
        return values


DURATION: Final = telemetry.DURATION_BUCKET.removesuffix("_bucket")

_dealt = lru_cache(maxsize=4_096)(flows.dealt)
_share = lru_cache(maxsize=4_096)(flows.share)
# The same tuple for all series of equal values: most buckets of a histogram are.


@lru_cache(maxsize=16_384)
def _values(events: Flow, begin: int | None, scrapes: int) -> Values:
    values = tuple(accumulate(events, initial=begin or 0))
    values += values[-1:] * (scrapes - len(values))
    return values if begin is not None else tuple(value or None for value in values)


def _held(values: Values, scrapes: int) -> Values:
    return values + values[-1:] * (scrapes - len(values))


def _anew(values: Values, end: int) -> Values:
    """What is counted after a scrape, from zero."""
    base = values[end] or 0
    return tuple(None if value is None else value - base for value in values[end + 1 :])


def _without(values: Values, down: Downtime, *, counts: bool) -> Values:
    after = values[down.end :]
    if down.gone and counts and after:
        base = after[0] or 0
        after = tuple(None if value is None else value - base for value in after)
    return (*values[: down.begin], *(None for _ in values[down.begin : down.end]), *after)


def _blanked(values: Values, begin: int, end: int) -> Values:
    return (*values[:begin], *(None for _ in values[begin:end]), *values[end:])


def _shares(milliseconds: float | Durations) -> Durations:
    return milliseconds if isinstance(milliseconds, tuple) else ((1, milliseconds),)


def _answer(service: Service, answer: Answer) -> dict[str, str]:
    return {
        "request_protocol": "grpc" if service.speaks_grpc else "http",
        "response_code": answer.code,
        "grpc_response_status": answer.grpc,
        "response_flags": answer.flags,
    }
