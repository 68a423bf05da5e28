"""The service that a runbook is about, in the words that commands need: resources, labels, hosts, clusters, callers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from observe import naming
from observe.istio.install.gateways import gateway_pods
from observe.naming import WAYPOINT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from observe.graph import Graph
    from observe.model import Inventory, Mesh, Service
    from observe.signals import Catalogue

MOST_VIEWS: Final = 4
"""Callers whose proxies are asked. Each has its own view of the service; a few show whether it is one view or all."""
TIERS: Final = ("critical", "high", "medium", "low")
GATEWAY_NAME: Final = "gateway.networking.k8s.io/gateway-name"
"""The label of pods that istiod deploys for a Gateway (istio `deploymentcontroller.go`)."""


@dataclass(frozen=True, slots=True)
class View:
    """Pods whose proxies have a view of the service: of a caller, a gateway, a waypoint."""

    namespace: str
    resource: str
    """What runs them, as istioctl takes it: `deployment/web`, or the Service of those that several workloads run."""
    selector: str
    """Their labels, as `-l` takes them."""

    @property
    def target(self) -> str:
        """What `istioctl proxy-config` takes."""
        return f"{self.resource}.{self.namespace}"


@dataclass(frozen=True)
class Subject:
    """One service of the inventory."""

    graph: Graph
    signals: Catalogue
    service: Service

    @property
    def inventory(self) -> Inventory:
        return self.graph.inventory

    @property
    def mesh(self) -> Mesh:
        return self.inventory.mesh

    @property
    def sidecars(self) -> bool:
        """Whether its pods have proxies of their own."""
        return self.service.in_mesh and self.mesh.data_plane == "sidecar"

    @property
    def ambient(self) -> bool:
        """Whether ztunnel stands in front of its pods."""
        return self.service.in_mesh and self.mesh.data_plane == "ambient"

    @property
    def waypoint(self) -> bool:
        """Whether requests to it pass a waypoint."""
        return self.service.in_mesh and self.mesh.has_waypoint(self.service.namespace)

    @property
    def in_cluster(self) -> bool:
        return self.service.outside is None

    @cached_property
    def host(self) -> str:
        """What callers dial."""
        return naming.host_of(self.mesh, self.service)

    @cached_property
    def selector(self) -> str:
        """Its pods' labels, as `-l` takes them."""
        return labels(self.service.selector)

    @cached_property
    def own(self) -> View:
        """Its own pods."""
        return _of_service(self.service)

    @cached_property
    def balancers(self) -> tuple[View, ...]:
        """Whose proxies balance, retry and eject for it: callers', the most needed first and not more than MOST_VIEWS
        of them, or the waypoint that does it for all callers. None where neither is known.
        """
        if self.waypoint:
            return (_of_waypoint(self.service.namespace),)
        if self.mesh.data_plane == "ambient":
            return ()
        found = {edge.caller.id: edge.caller for edge in self.graph.callers(self.service)}
        inside = (caller for caller in found.values() if caller.in_mesh)
        return tuple(_of_service(caller) for caller in sorted(inside, key=by_need)[:MOST_VIEWS])

    @cached_property
    def gateways(self) -> tuple[View, ...]:
        """The gateways that pass requests on to it; also past a waypoint."""
        return tuple(_gateways(self.mesh, self.service))

    @property
    def views(self) -> tuple[View, ...]:
        """Whose proxies know it as a callee."""
        return (*self.balancers, *self.gateways)

    @property
    def clusters(self) -> tuple[str, ...]:
        """Its clusters in the proxies that balance for it: `direction|port|subset|host` (istio `BuildSubsetKey`)."""
        if self.waypoint:
            ports = ((port.number, "tcp" if port.protocol == "tcp" else "http") for port in self.service.ports)
            return tuple(f"inbound-vip|{number}|{kind}|{self.host}" for number, kind in ports)
        subsets = [version.name for version in self.service.versions] or [""]
        return tuple(
            f"outbound|{port.number}|{subset}|{self.host}" for port in self.service.ports for subset in subsets
        )

    @cached_property
    def callees(self) -> tuple[Service, ...]:
        """Whom it calls and waits for."""
        return tuple({callee.id: callee for callee in self.graph.callees(self.service)}.values())


def workloads(service: Service) -> tuple[str, ...]:
    """What runs its pods, such as `deployment/web`."""
    return tuple(f"{service.workload.kind.lower()}/{name}" for name in service.workload_names)


def by_need(service: Service) -> tuple[int, str]:
    """Sorts the most needed services first."""
    return TIERS.index(service.tier), service.id


def labels(selector: Mapping[str, str]) -> str:
    """Labels as `-l` takes them."""
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))


def _of_service(service: Service) -> View:
    resource = f"service/{service.name}" if service.versions else workloads(service)[0]
    return View(service.namespace, resource, labels(service.selector))


def _of_waypoint(namespace: str) -> View:
    return View(namespace, f"deployment/{WAYPOINT}", f"{GATEWAY_NAME}={WAYPOINT}")


def _gateways(mesh: Mesh, service: Service) -> Iterator[View]:
    """The gateways that pass requests on to it."""
    keys = sorted({exposure.gateway for exposure in service.exposures})
    if mesh.routing == "gateway-api":
        # istiod appends the class, which is `istio` (istio `deploymentcontroller.go`).
        for key in keys:
            yield View(mesh.gateways[key].namespace, f"deployment/{key}-istio", f"{GATEWAY_NAME}={key}")
        return
    wanted = {(mesh.gateways[key].namespace, labels(mesh.gateways[key].labels)) for key in keys}
    through = service.role == "gateway" or any(caller.via == "ingress" for caller in service.external_callers)
    for pods in gateway_pods(mesh):
        selector = labels({key: value.value for key, value in pods.labels.items()})
        if (pods.namespace.value, selector) in wanted or (through and not mesh.gateways):
            yield View(pods.namespace.value, f"deployment/{pods.name.value}", selector or f"app={pods.name.value}")
