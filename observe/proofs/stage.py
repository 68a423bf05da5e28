"""Where a service's proof takes place: its mesh's clock, who calls it, whose pods report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from observe import policy
from observe.naming import WAYPOINT, gateway_workloads
from observe.simulation.reports import (
    OUTSIDE,
    WEB,
    Caller,
    Pod,
    Report,
    caller_of,
    connection_reports,
    pods_of,
    pods_of_service,
    request_reports,
)

if TYPE_CHECKING:
    from observe.graph import Graph
    from observe.model import Inventory, Mesh, Service
    from observe.signals import Catalogue

BATCH: Final = Caller("batch", "front")


@dataclass(frozen=True)
class Stage:
    """One service and what its proof needs of the world around it."""

    inventory: Inventory
    graph: Graph
    signals: Catalogue
    service: Service

    @cached_property
    def step(self) -> int:
        """Milliseconds between two scrapes: whole seconds, for the recorder."""
        return max(self.signals.mesh.prometheus.scrape_interval // 1_000, 1) * 1_000

    @property
    def interval(self) -> int:
        """Milliseconds between two evaluations: the mesh's own, since recorded hours are added up by it."""
        return self.signals.mesh.prometheus.evaluation_interval

    @property
    def slow(self) -> int:
        """Milliseconds of the slower rate window."""
        return self.signals.slow.window

    @property
    def fast(self) -> int:
        return self.signals.fast.window

    @cached_property
    def limits(self) -> policy.Thresholds:
        return policy.thresholds(self.service)

    @cached_property
    def caller(self) -> Caller:
        """The first declared caller that has a proxy; else anybody, or a gateway where only its reports count."""
        declared = [caller_of(edge.caller) for edge in self.graph.callers(self.service) if edge.caller.in_mesh]
        gateways = [self.gateway] if self.service.exposures else []
        possible = [*declared, WEB, *gateways]
        return next((caller for caller in possible if self._counted(caller)), possible[0])

    def other(self, caller: Caller) -> Caller:
        """Another caller; the gateway itself where nobody else's requests count."""
        return caller if self._counted(caller) else self.caller

    @property
    def gateway(self) -> Caller:
        mesh = self.signals.mesh
        return Caller(gateway_workloads(mesh)[0], mesh.root_namespace, gateway=True)

    def counts(self, report: Report) -> bool:
        return counts(self.signals.mesh, report)

    def _counted(self, caller: Caller) -> bool:
        return bool(self.service.request_ports) and any(map(self.counts, self.requests(caller)))

    @cached_property
    def callee(self) -> Service | None:
        """Of the services that it waits for the first whose requests are seen."""
        for callee in self.graph.callees(self.service):
            if callee.request_ports and callee.id != self.service.id and self.sent(callee):
                return callee
        return None

    def sent(self, callee: Service) -> tuple[Report, ...]:
        """The reports of the service's own requests that count; none where nobody's do."""
        reports = request_reports(self.signals.mesh, callee, caller_of(self.service))
        return tuple(lean(report) for report in reports if self.counts(report))

    def requests(self, caller: Caller, *, arrived: bool = True) -> tuple[Report, ...]:
        """Who reports requests from the caller, each by one pod."""
        return tuple(map(lean, request_reports(self.signals.mesh, self.service, caller, arrived=arrived)))

    def connections(self, caller: Caller, *, arrived: bool = True) -> tuple[Report, ...]:
        """The same of TCP connections."""
        return tuple(map(lean, connection_reports(self.signals.mesh, self.service, caller, arrived=arrived)))

    @cached_property
    def pods(self) -> tuple[Pod, ...]:
        """Two pods of the service, or the one that it has."""
        return pods_of_service(self.service)

    @cached_property
    def client(self) -> Pod:
        """The proxy that keeps statistics of the service's instances."""
        if self.signals.mesh.data_plane == "ambient":
            return pods_of(self.service.namespace, WAYPOINT)[0]
        return self.caller.pods[0]

    @cached_property
    def cluster(self) -> str:
        """What Envoy calls the service (istio `model.BuildSubsetKey`)."""
        return self._cluster(self.service.name, self.service.namespace)

    @cached_property
    def neighbours(self) -> tuple[str, ...]:
        """The same of two services that are easily confused with it."""
        name, namespace = self.service.name, self.service.namespace
        return self._cluster(f"{name}-2", namespace), self._cluster(name, f"{namespace}-2")

    @cached_property
    def pods_of_neighbours(self) -> tuple[Pod, ...]:
        """Pods whose names or namespaces are nearly the same."""
        service, kind = self.service, self.service.workload.kind
        return (
            *pods_of(service.namespace, f"{service.workload_name}-2", 1, kind=kind),
            replace(self.pods[0], namespace=f"{service.namespace}-2"),
        )

    def _cluster(self, name: str, namespace: str) -> str:
        service, mesh = self.service, self.signals.mesh
        host = f"{name}.{namespace}.svc.{mesh.cluster_domain}"
        if mesh.data_plane == "ambient":
            return f"inbound-vip|{service.ports[0].number}|http|{host}"
        subset = service.versions[0].name if service.versions else ""
        return f"outbound|{service.ports[0].number}|{subset}|{host}"

    @property
    def sees_lost_connections(self) -> bool:
        """Whether anybody reports TCP connections that failed."""
        return policy.watches_lost_connections(self.signals.mesh, self.service)

    @property
    def sees_requests(self) -> bool:
        """Whether anybody reports single requests: in ambient only a waypoint does."""
        return policy.watches_requests(self.signals.mesh, self.service) and self._counted(self.caller)


def lean(report: Report) -> Report:
    """The same from one pod alone."""
    return replace(report, pods=report.pods[:1])


def counts(mesh: Mesh, report: Report) -> bool:
    """Whether requests are counted by this report: the caller's, or the callee's of callers without a proxy.

    In ambient the waypoint's, or the gateway's own where a gateway calls.
    """
    caller = report.labels["source_workload"]
    if mesh.data_plane == "ambient":
        return report.reporter == ("source" if caller in gateway_workloads(mesh) else "waypoint")
    return report.reporter == "source" or (report.reporter == "destination" and caller == OUTSIDE.workload)


def receives(report: Report) -> bool:
    """Whether the report knows how a connection was secured."""
    return report.reporter in ("destination", "waypoint")
