"""A mesh's telemetry without the mesh: what Istio's proxies would report for the traffic that a test describes.

Every request from one sidecar to another gives two reports, one by each side, as in a real mesh; so does every TCP
connection. Which labels each side fills, and with what, follows istio/proxy `istio_stats.cc` and ztunnel `metrics.rs`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final, Literal

from observe.telemetry import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from observe.model import Service

SCRAPE: Final = 15
"""Seconds between two samples."""
HISTORY: Final = 1_000
"""What counters stand at when a test begins: proxies have been up for a while."""
CALLEE_PODS: Final = 2

Labels = tuple[tuple[str, str], ...]
Flow = tuple[int, ...]
"""Events per scrape."""


def flow(*phases: tuple[float, float]) -> Flow:
    """Events per scrape, from phases of so many minutes with so many events per minute."""
    counted: list[int] = []
    for minutes, per_minute in phases:
        share = per_minute * SCRAPE / 60
        ends = [math.floor(share * step + 1e-9) for step in range(round(minutes * 60 / SCRAPE) + 1)]
        counted += [after - before for before, after in pairwise(ends)]
    return tuple(counted)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. Without a proxy nobody reports for it, and the callee does not know its name."""

    workload: str = "web"
    namespace: str = "front"
    proxy: bool = True
    secured: bool = True
    pods: int = 2


WEB: Final = Caller()
IN_PLAINTEXT: Final = Caller("legacy", "front", secured=False, pods=1)
"""Has a proxy, but its connections are not encrypted."""
OUTSIDE: Final = Caller("unknown", "unknown", proxy=False, secured=False, pods=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request ended; `arrived` says whether the callee's proxy saw it at all."""

    code: str = "200"
    grpc: str = ""
    flags: str = "-"
    arrived: bool = True


def success(service: Service) -> Answer:
    return Answer(grpc="0") if service.speaks_grpc else Answer()


def failure(service: Service) -> Answer:
    """The application's own: 503, or gRPC status UNAVAILABLE, whose response code is 200."""
    return Answer(grpc="14") if service.speaks_grpc else Answer("503")


def turned_away(service: Service, flags: str) -> Answer:
    """By the caller's proxy: no instance was reached. For gRPC it answers 200 with status 14."""
    return replace(failure(service), flags=flags, arrived=False)


@dataclass(frozen=True, slots=True)
class Restart:
    """A pod's counters begin anew at a minute: the process restarted, or a new pod took over."""

    minute: float
    successor: str | None = None


@dataclass(slots=True)
class Simulation:
    """Collects traffic, gives series. Streams that differ in nothing a label shows are one series, added up."""

    data_plane: Literal["sidecar", "ambient"] = "sidecar"
    restarts: Mapping[str, Restart] = field(default_factory=dict)
    history: int | None = HISTORY
    """None: counters do not exist until they first count, as for an answer never seen before."""
    limits: tuple[float, ...] = BUCKETS
    """Upper limits of the latency buckets."""
    _counters: dict[Labels, list[int]] = field(default_factory=dict)
    _gauges: dict[Labels, tuple[int, ...]] = field(default_factory=dict)

    def requests(
        self,
        service: Service,
        events: Flow,
        answer: Answer | None = None,
        caller: Caller = WEB,
        milliseconds: float = 20,
    ) -> Simulation:
        """Requests that all end alike; a request without a response code was not completed and has no duration."""
        answer = answer or success(service)
        for reporter, security, pods in self._reports(service, caller, answer.arrived):
            labels = {**_edge(service, caller, reporter, security, answer.arrived), **_answer(service, answer)}
            self._count("istio_requests_total", labels, pods, events)
            if answer.code != "0":
                self._duration(labels, pods, events, milliseconds)
        return self

    def connections(self, service: Service, events: Flow, caller: Caller = WEB) -> Simulation:
        """New TCP connections."""
        for reporter, security, pods in self._connection_reports(service, caller):
            edge = _edge(service, caller, reporter, security, arrived=True)
            labels = {**edge, "request_protocol": "tcp", "response_flags": "-"}
            self._count("istio_tcp_connections_opened_total", labels, pods, events)
        return self

    def ejected(self, pod: str, cluster_name: str, *phases: tuple[float, int]) -> Simulation:
        """How many instances behind an Envoy cluster one client pod has ejected, by phases of minutes."""
        values = [count for minutes, count in phases for _ in range(round(minutes * 60 / SCRAPE))]
        labels = {"cluster_name": cluster_name, **_scraped(pod)}
        self._gauges[_frozen("envoy_cluster_outlier_detection_ejections_active", labels)] = tuple(values)
        return self

    def counted(self, stats: Mapping[str, Flow], cluster_name: str, pod: str = "web-0") -> Simulation:
        """Envoy's own counters of a client pod, by Prometheus name."""
        for name, events in stats.items():
            self._count(name, {"cluster_name": cluster_name}, [pod], events)
        return self

    def series(self) -> list[dict[str, str]]:
        """The series as a promtool test file takes them."""
        counters = [_entry(labels, values) for key in self._counters for labels, values in self._lives(key)]
        return counters + [_entry(labels, map(str, values)) for labels, values in self._gauges.items()]

    def samples(self) -> Iterator[tuple[str, list[str]]]:
        """Each series with its values, `_` and `stale` where there is none."""
        for entry in self.series():
            yield entry["series"], entry["values"].split()

    def _reports(self, service: Service, caller: Caller, arrived: bool) -> Iterator[tuple[str, str, list[str]]]:
        """Who reports a request, what it says about security, and from which pods."""
        encrypted = "mutual_tls" if caller.secured else "none"
        if self.data_plane == "ambient":
            yield "waypoint", encrypted, ["waypoint-0"]
            return
        if caller.proxy:
            yield "source", "unknown", _pods(caller.workload, caller.pods)
        if arrived:
            yield "destination", encrypted, _pods(service.name, CALLEE_PODS)

    def _connection_reports(self, service: Service, caller: Caller) -> Iterator[tuple[str, str, list[str]]]:
        if self.data_plane == "sidecar":
            yield from self._reports(service, caller, arrived=True)
            return
        # ztunnel knows on both sides, and has no word for plaintext.
        encrypted = "mutual_tls" if caller.secured else "unknown"
        yield "source", encrypted, ["ztunnel-0"]
        yield "destination", encrypted, ["ztunnel-1"]

    def _duration(self, labels: Mapping[str, str], pods: list[str], events: Flow, milliseconds: float) -> None:
        nothing = (0,) * len(events)
        for limit in (*self.limits, math.inf):
            le = "+Inf" if limit == math.inf else str(float(limit))
            within = events if milliseconds <= limit else nothing
            self._count("istio_request_duration_milliseconds_bucket", {**labels, "le": le}, pods, within)

    def _count(self, metric: str, labels: Mapping[str, str], pods: list[str], events: Flow) -> None:
        """Add the events to each pod's counter, dealt out in turn."""
        total = list(accumulate(events))
        for place, pod in enumerate(pods):
            dealt = [(seen + place) // len(pods) for seen in (0, *total)]
            own = [after - before for before, after in pairwise(dealt)]
            key = _frozen(metric, {**labels, **_scraped(pod)})
            self._counters[key] = _added(self._counters.get(key, []), own)

    def _lives(self, key: Labels) -> Iterator[tuple[Labels, list[str]]]:
        """A counter's values; after a restart it begins at zero, as the same series or as its successor's."""
        increments = self._counters[key]
        restart = self.restarts.get(dict(key)["pod"])
        end = round(restart.minute * 60 / SCRAPE) if restart else len(increments)
        before, after = increments[:end], increments[end:]
        first = _values(before, self.history)
        if restart is None:
            yield key, first
        elif restart.successor is None:
            yield key, first + _values(after, 0)[1:]
        else:
            successor = tuple(sorted({**dict(key), **_scraped(restart.successor)}.items()))
            yield key, [*first, "stale"]
            yield successor, ["_"] * len(first) + _values(after, 0)[1:]


def _values(increments: list[int], history: int | None) -> list[str]:
    values = list(accumulate(increments, initial=history or 0))
    return [str(value) if value or history is not None else "_" for value in values]


def _added(one: list[int], other: list[int]) -> list[int]:
    length = max(len(one), len(other))
    padded = ([*events, *([0] * (length - len(events)))] for events in (one, other))
    return [sum(pair) for pair in zip(*padded, strict=True)]


def _edge(service: Service, caller: Caller, reporter: str, security: str, arrived: bool) -> dict[str, str]:
    """The labels that both kinds of traffic have."""
    known = service.name if arrived else "unknown"
    principal = f"spiffe://cluster.local/ns/{caller.namespace}/sa/{caller.workload}" if caller.secured else "unknown"
    return {
        "reporter": reporter,
        "source_workload": caller.workload,
        "source_workload_namespace": caller.namespace,
        "source_principal": principal,
        "source_app": caller.workload,
        "source_version": "v1",
        "source_canonical_service": caller.workload,
        "source_canonical_revision": "v1",
        "source_cluster": "Kubernetes",
        "destination_workload": known,
        "destination_workload_namespace": service.namespace if arrived else "unknown",
        "destination_principal": f"spiffe://cluster.local/ns/{service.namespace}/sa/{known}",
        "destination_app": known,
        "destination_version": "v1",
        "destination_service": f"{service.name}.{service.namespace}.svc.cluster.local",
        "destination_service_name": service.name,
        "destination_service_namespace": service.namespace,
        "destination_canonical_service": known,
        "destination_canonical_revision": "v1",
        "destination_cluster": "Kubernetes",
        "connection_security_policy": security,
    }


def _answer(service: Service, answer: Answer) -> dict[str, str]:
    return {
        "request_protocol": "grpc" if service.speaks_grpc else "http",
        "response_code": answer.code,
        "grpc_response_status": answer.grpc,
        "response_flags": answer.flags,
    }


def _pods(workload: str, count: int) -> list[str]:
    return [f"{workload}-{number}" for number in range(count)]


def _scraped(pod: str) -> dict[str, str]:
    """What Prometheus adds: the pod whose proxy reported."""
    return {"pod": pod, "instance": f"{pod}:15020", "job": "proxies"}


def _frozen(metric: str, labels: Mapping[str, str]) -> Labels:
    return tuple(sorted({**labels, "__name__": metric}.items()))


def _entry(labels: Labels, values: Iterator[str] | list[str]) -> dict[str, str]:
    pairs = dict(labels)
    inside = ",".join(f'{name}="{value}"' for name, value in pairs.items() if name != "__name__")
    return {"series": f"{pairs['__name__']}{{{inside}}}", "values": " ".join(values)}
