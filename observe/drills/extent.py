"""How far an incident reaches: which services' telemetry is not that of an ordinary hour.

Alerts of a service whose telemetry is the same do what they do in an ordinary hour, so they need not be evaluated.
What is compared is every series, and not the call graph: nothing is missed because somebody thought it unrelated.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from observe.naming import SERVICE_LABELS, host_of
from observe.simulation.reports import pods_of_service
from observe.telemetry import REQUESTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from observe.graph import Graph
    from observe.model import Service
    from observe.simulation import Series, Telemetry

MOST: Final = 5_000
"""Series of one metric in a part. promtool lets a query hold 10,000 samples at a time, and no flag changes that
(prometheus `promql/promqltest/test.go`, `NewLazyLoader`); a rate holds what it reads and what it gives."""


@dataclass(frozen=True, slots=True)
class Part:
    """Services whose rules are evaluated together, and the telemetry that these rules read."""

    services: tuple[Service, ...]
    telemetry: Telemetry


@dataclass(frozen=True)
class Extent:
    """Tells whose a series is."""

    graph: Graph

    def parts(self, services: Sequence[Service], telemetry: Telemetry) -> tuple[Part, ...]:
        """Services in as many parts as promtool needs; one at least, for the mesh.

        A part takes those next whose callees it has already, so that little is read twice.
        """
        sizes = self._sizes(telemetry)
        waiting = {service.id: service for service in services}
        groups: list[list[Service]] = [[]]
        read: set[str] = set()
        while waiting:
            more = {name: sum(sizes[one] for one in self._reads[name] - read) for name in waiting}
            name = min(more, key=more.__getitem__)
            if groups[-1] and sum(sizes[one] for one in read) + more[name] > MOST:
                groups.append([])
                read = set()
                continue
            groups[-1].append(waiting.pop(name))
            read |= self._reads[name]
        return tuple(Part(tuple(group), self._telemetry(telemetry, group)) for group in groups)

    def touched(self, ordinary: Telemetry, happened: Telemetry) -> tuple[Service, ...]:
        """The services of whose series one at least is new, gone, or different in some value."""
        before = {(series.name, series.labels): series.values for series in ordinary.series}
        now = {(series.name, series.labels): series.values for series in happened.series}
        different = [
            series
            for series in (*happened.series, *ordinary.series)
            if before.get((series.name, series.labels)) != now.get((series.name, series.labels))
        ]
        found = {name for series in different for name in self._about(series)}
        return tuple(service for service in self.graph.inventory.services if service.id in found)

    def _telemetry(self, telemetry: Telemetry, services: Sequence[Service]) -> Telemetry:
        """What is about these services, and all that is about no service alone.

        Requests stay whole: the share of encrypted ones is sometimes asked of the mesh.
        """
        kept = {name for service in services for name in self._reads[service.id]}
        return replace(
            telemetry,
            series=tuple(
                series
                for series in telemetry.series
                if series.name == REQUESTS or (owner := self._called(series)) is None or owner in kept
            ),
        )

    @cached_property
    def _reads(self) -> Mapping[str, frozenset[str]]:
        """By service, whose series its alerts read: its own, and its callees' for what they say."""
        return {
            service.id: frozenset((service.id, *(callee.id for callee in self.graph.callees(service))))
            for service in self.graph.inventory.services
        }

    def _sizes(self, telemetry: Telemetry) -> Counter[str]:
        """By service, how many series there are of the metric that has most."""
        counts = Counter((self._called(series), series.name) for series in telemetry.series)
        sizes = Counter[str]()
        for (service, _), count in counts.items():
            if service is not None:
                sizes[service] = max(sizes[service], count)
        return sizes

    def _about(self, series: Series) -> Iterator[str]:
        """The ids of the services whose alerts may read a series."""
        called = self._called(series)
        if called is not None:
            yield called
        elif series.label(SERVICE_LABELS[1]):
            # A host that is no service, as the one that stands for all that is blocked: a matter of the caller.
            yield from self._workloads.get(
                (series.label("source_workload_namespace"), series.label("source_workload")), ()
            )
        elif series.label("pod"):
            yield from self._pods.get((series.label("namespace"), series.label("pod")), ())

    def _called(self, series: Series) -> str | None:
        """The id of the service that a series of requests, connections or an Envoy cluster is about."""
        namespace, name = (series.label(label) for label in SERVICE_LABELS)
        if name:
            found = f"{namespace}/{name}"
            return found if found in self.graph.inventory.by_id else None
        return self._hosts.get(series.label("cluster_name").rpartition("|")[2])

    @cached_property
    def _hosts(self) -> Mapping[str, str]:
        inventory = self.graph.inventory
        return {host_of(inventory.mesh, service): service.id for service in inventory.services}

    @cached_property
    def _workloads(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        found: dict[tuple[str, str], tuple[str, ...]] = {}
        for service in self.graph.inventory.services:
            key = (service.namespace, service.workload_name)
            found[key] = (*found.get(key, ()), service.id)
        return found

    @cached_property
    def _pods(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """By namespace and pod; services may share their pods."""
        found: dict[tuple[str, str], tuple[str, ...]] = {}
        for service in self.graph.inventory.services:
            for pod in pods_of_service(service):
                key = (pod.namespace, pod.name)
                found[key] = (*found.get(key, ()), service.id)
        return found
