"""A small mesh in which everything happens at once, steadily: what proxies, istiod and kubelets report of it.

After a while all becomes three times as much: how a record follows says how far it looks back.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.naming import SERVICE_LABELS
from observe.proofs.lean import UNREAD
from observe.proofs.scale import MINUTE
from observe.proofs.stage import lean
from observe.signals import service_labels
from observe.simulation import Recorder, Series, Telemetry
from observe.simulation.reports import WEB, cluster_of, connection_reports, request_reports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from observe.model import Inventory, Service
    from observe.signals import Catalogue
    from observe.simulation import Caller, Pod
    from observe.simulation.reports import Report

STEADY: Final = 75
"""Minutes for which nothing changes."""
AFTER: Final = (1, 2)
"""Minutes after everything has become three times as much, at which short and long windows are looked at."""
TIMES: Final = 3

Labels = frozenset[tuple[str, str]]
Found = dict[Labels, float]
"""A record's series: values by labels."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A stream of events, with all labels of one who reports it."""

    labels: Mapping[str, str]
    each: int
    """Events per scrape."""
    kind: str
    """`request` or `connection`."""
    milliseconds: float = 0
    failed: bool = False
    counted: bool = False
    """Whether rates count it as this one reports it."""
    received: bool = False
    sent_bytes: int = 0
    received_bytes: int = 0


@dataclass
class World:
    """A small mesh: what was told of it so far."""

    inventory: Inventory
    signals: Catalogue
    seen: list[Seen] = field(default_factory=list)
    events: list[tuple[str, Mapping[str, str], Pod, int]] = field(default_factory=list)
    """Other counters: name, labels, who reports it, events per scrape."""
    gauges: list[tuple[str, Mapping[str, str], Pod, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mesh = self.inventory.mesh
        self.step = max(self.mesh.prometheus.scrape_interval // 1_000, 1) * 1_000
        self.scrapes = (STEADY + AFTER[-1]) * MINUTE // self.step
        self.before = STEADY * MINUTE // self.step
        self.limits = (10.0, 100.0, 1_000.0)
        self.recorder = Recorder(self.mesh, self.step // 1_000, limits=self.limits, history=1_000_000)
        self.web = WEB

    @property
    def services(self) -> tuple[Service, ...]:
        """One service of each protocol, as far as there are any whose requests somebody reports."""
        chosen: dict[tuple[bool, bool], Service] = {}
        for service in self.inventory.services:
            if any(self.reports(service, self.web)) and service.in_mesh:
                chosen.setdefault((bool(service.request_ports), service.speaks_grpc), service)
        return tuple(chosen.values())

    def reports(self, service: Service, caller: Caller, *, arrived: bool = True) -> list[Report]:
        if service.request_ports:
            return list(map(lean, request_reports(self.mesh, service, caller, arrived=arrived)))
        return list(map(lean, connection_reports(self.mesh, service, caller, arrived=arrived)))

    def flow(self, each: int) -> tuple[int, ...]:
        return (each,) * self.before + (TIMES * each,) * (self.scrapes - self.before)

    def count(self, name: str, labels: Mapping[str, str], pod: Pod, each: int, *, told: bool = False) -> None:
        self.recorder.counter(name, labels, pod, self.flow(each))
        if told:
            self.events.append((name, {**labels, "namespace": pod.namespace, "pod": pod.name}, pod, each))

    def gauge(self, name: str, labels: Mapping[str, str], pod: Pod, value: float) -> None:
        self.recorder.gauge(name, labels, pod, (value,) * (self.scrapes + 1))
        self.gauges.append((name, {**labels, "namespace": pod.namespace, "pod": pod.name, "job": pod.job}, pod, value))

    def series(self) -> list[dict[str, str]]:
        """All of it, as promtool reads it, and the one record that services make for themselves."""
        whole = self.recorder.telemetry()
        kept = UNREAD - {"job"}
        short = [
            Series(
                one.name,
                tuple(
                    label
                    for label in one.labels
                    if label[0] not in kept or (label[0] == "destination_workload" and one.name.startswith("istio_tcp"))
                ),
                one.values,
            )
            for one in whole.series
            if not one.name.endswith(("milliseconds_sum", "milliseconds_count", "closed_total"))
            and not _measured_twice(one)
        ]
        slow = self.signals.late.record
        short += [
            Series(
                slow, tuple(sorted({**service_labels(service), **self.cluster}.items())), (0.25,) * (self.scrapes + 1)
            )
            for service in self.services
            if service.request_ports
        ]
        return Telemetry(whole.step, tuple(short)).promtool()

    @property
    def cluster(self) -> dict[str, str]:
        label = self.mesh.prometheus.cluster_label
        return {label: cluster_of(self.mesh)} if label else {}

    def key(self, labels: Mapping[str, str], kept: Iterable[str]) -> Labels:
        found = {name: labels.get(name, "") for name in kept} | self.cluster
        return frozenset((name, value) for name, value in found.items() if value)

    def rates(self, kept: Iterable[str], chosen: Callable[[Seen], bool]) -> Found:
        """Events per second by labels."""
        found: Found = defaultdict(float)
        for one in self.seen:
            if chosen(one):
                found[self.key(one.labels, kept)] += one.each * 1_000 / self.step
        return dict(found)

    def counters(
        self, kept: Iterable[str], name: str, chosen: Callable[[Mapping[str, str]], bool] = lambda _: True
    ) -> Found:
        found: Found = defaultdict(float)
        for one, labels, _, each in self.events:
            if one == name and chosen(labels):
                found[self.key(labels, kept)] += each * 1_000 / self.step
        return dict(found)

    def of_clusters(self, *names: str) -> Found:
        """Statistics of services' Envoy clusters, by service."""
        found: Found = defaultdict(float)
        for name in names:
            for one, labels, _, each in self.events:
                if one == name:
                    found[self.key(_behind(labels["cluster_name"]), SERVICE_LABELS)] += each * 1_000 / self.step
        return dict(found)

    def most(self, name: str) -> Found:
        found: dict[Labels, list[float]] = defaultdict(list)
        for one, labels, _, value in self.gauges:
            if one == name and "svc" in labels["cluster_name"]:
                found[self.key(_behind(labels["cluster_name"]), SERVICE_LABELS)].append(value)
        return {key: max(values) for key, values in found.items()}

    def gauged(self, kept: Iterable[str], name: str, together: Callable[[list[float]], float], **labels: str) -> Found:
        found: dict[Labels, list[float]] = defaultdict(list)
        for one, own, _, value in self.gauges:
            if one == name and labels.items() <= own.items():
                found[self.key(own, kept)].append(value)
        return {key: together(values) for key, values in found.items()}

    def sum(self, kept: Iterable[str], those: Iterable[Seen]) -> Found:
        found: Found = defaultdict(float)
        for one in those:
            found[self.key(one.labels, kept)] += one.each * 1_000 / self.step
        return dict(found)


def _measured_twice(series: Series) -> bool:
    """Durations that the callee reports of callers who report them too: no rule reads them, and one caller's do."""
    bucket = series.name == telemetry.DURATION_BUCKET and series.label("reporter") == "destination"
    return bucket and series.label("source_workload_namespace") == "front"


def _behind(cluster: str) -> dict[str, str]:
    """The service that an Envoy cluster stands for."""
    name, namespace = cluster.rpartition("|")[2].split(".")[:2]
    return dict(zip(SERVICE_LABELS, (namespace, name), strict=True))
