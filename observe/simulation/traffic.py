"""The traffic of an ordinary hour: who calls whom, how often, with which operations.

Requests enter where the inventory says that somebody calls from outside, and go on along the declared calls: each
request that a service answers makes each of its calls once, unless that were more than the callee usually gets; then
so many of them do as it does get.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from observe import policy
from observe.model import IDEMPOTENT_METHODS, Endpoint, Outside, Port, Service
from observe.naming import gateway_deployments, ingress_deployment, namespace_of
from observe.simulation.reports import OUTSIDE, Caller, caller_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from observe.graph import Edge, Graph
    from observe.model import ExternalCaller, ExternalHost, Inventory, Role, Tier
    from observe.policy import RoutePolicy

ENTRY_RATES: Final[dict[Tier, float]] = {"critical": 20, "high": 10, "medium": 4, "low": 2}
"""Requests per second of each who calls from outside, and of work that a service begins by itself."""
USUAL_RATES: Final[dict[Tier, float]] = {"critical": 120, "high": 80, "medium": 40, "low": 20}
"""Requests per second that a service usually gets at most from the services that call it, all of them together."""
PEAK_SHARE: Final = 0.5
"""An ordinary hour, of the peak that is declared."""
EXTERNAL_RATE: Final = 0.5
"""Connections or requests per second to each host outside the cluster."""
REQUESTS_PER_CONNECTION: Final = 20
"""On connections that are kept open."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A kind of request on a link, and what the mesh does with it."""

    title: str
    """The declared operation's; empty where nothing is declared."""
    route: RoutePolicy
    repeatable: bool
    """Whether it may be sent twice."""


@dataclass(frozen=True, slots=True)
class Link:
    """All requests from one caller to one port of a service."""

    caller: Caller
    origin: Service | None
    """The calling service; None for who calls from outside."""
    service: Service
    """The callee, with the one port that is called."""
    operations: tuple[Operation, ...]
    """Each gets an even share of the requests; without meaning for TCP."""
    calls: float
    """How many of its caller's requests come this way; requests per second on a link that is `steady`."""
    steady: bool = False
    """Whether it carries as much whatever its caller gets: what comes from outside, or closes a circle of calls."""
    awaited: bool = True
    """Whether the caller waits for the answer, and so fails with it."""

    @property
    def port(self) -> Port:
        return self.service.ports[0]

    @property
    def is_tcp(self) -> bool:
        return self.port.protocol == "tcp"

    @property
    def key(self) -> tuple[str, str]:
        """Caller and callee: the service's id or the workload's name, and the service's id."""
        return (self.origin.id if self.origin else self.caller.workload, self.service.id)


@dataclass(frozen=True)
class Traffic:
    """The links of an inventory, with how much passes on each."""

    graph: Graph

    @property
    def inventory(self) -> Inventory:
        return self.graph.inventory

    @cached_property
    def order(self) -> tuple[Service, ...]:
        """The services, callers before callees; calls that close a circle do not count."""
        seen: set[str] = set()
        finished: list[Service] = []
        # Services that somebody calls from outside come first: a circle is entered where requests enter.
        for root in sorted(self.inventory.services, key=lambda service: not self._entries(service)):
            path = [] if root.id in seen else [(root, iter(root.calls))]
            seen.add(root.id)
            while path:
                service, calls = path[-1]
                fresh = next((call.service for call in calls if call.service not in seen), None)
                if fresh is None:
                    finished.append(service)
                    path.pop()
                else:
                    seen.add(fresh)
                    callee = self.inventory.by_id[fresh]
                    path.append((callee, iter(callee.calls)))
        return tuple(reversed(finished))

    @cached_property
    def rank(self) -> Mapping[str, int]:
        """The place of each service in the order."""
        return {service.id: place for place, service in enumerate(self.order)}

    @cached_property
    def entries(self) -> tuple[Link, ...]:
        """What comes from outside."""
        return tuple(link for service in self.order for link in self._entries(service))

    @cached_property
    def own_work(self) -> Mapping[str, float]:
        """Requests per second that a service would have to answer for the calls that it makes by itself: a worker
        that nobody calls, and a service in a circle of calls.
        """
        called = {edge.callee.id for edge in self.graph.edges if self._forward(edge)}
        entered = {link.service.id for link in self.entries}
        alone = (service for service in self.order if service.id not in called | entered)
        return {service.id: ENTRY_RATES[service.tier] for service in alone}

    @cached_property
    def rates(self) -> Mapping[str, float]:
        """Requests per second that each service answers, its own work among them."""
        rates: dict[str, float] = {service.id: self.own_work.get(service.id, 0.0) for service in self.order}
        for link in self.steady:
            rates[link.service.id] += link.calls
        for link in self.onward:
            rates[link.service.id] += rates[link.key[0]] * link.calls
        return rates

    @cached_property
    def steady(self) -> tuple[Link, ...]:
        """What carries as much whatever a caller gets."""
        circles = (self._link(edge, ENTRY_RATES[edge.caller.tier]) for edge in self.graph.edges)
        closing = (link for link in circles if link.origin and self.rank[link.origin.id] >= self.rank[link.service.id])
        return (*self.entries, *(replace(link, steady=True, awaited=False) for link in closing))

    @property
    def links(self) -> tuple[Link, ...]:
        """Everything that arrives at services of the inventory."""
        return (*self.steady, *self.onward)

    @cached_property
    def onward(self) -> tuple[Link, ...]:
        """What services pass on, those that are passed on to a service before those that it passes on."""
        rates = {service.id: self.own_work.get(service.id, 0.0) for service in self.order}
        for link in self.steady:
            rates[link.service.id] += link.calls
        links: list[Link] = []
        for service in self.order:
            incoming = [edge for edge in self.graph.callers(service) if self._forward(edge)]
            wanted = sum(rates[edge.caller.id] for edge in incoming)
            part = min(1.0, _usual(service) / wanted) if wanted else 0.0
            rates[service.id] += wanted * part
            links += [self._link(edge, part) for edge in incoming if part]
        return tuple(links)

    @cached_property
    def departures(self) -> tuple[Link, ...]:
        """What leaves the cluster, in requests or connections per second."""
        return tuple(
            Link(caller_of(service), service, _outside(service, host), (), EXTERNAL_RATE, steady=True, awaited=False)
            for service in self.inventory.services
            for host in service.external_hosts
            if service.in_mesh and namespace_of(self.inventory.mesh, host.host) is None
        )

    def _forward(self, edge: Edge) -> bool:
        return self.rank[edge.caller.id] < self.rank[edge.callee.id]

    def _link(self, edge: Edge, calls: float) -> Link:
        callee = replace(edge.callee, ports=(_port(edge.callee, edge.call.port),))
        operations = self._operations(callee, edge.call.endpoints, edge=edge)
        awaited = not edge.call.asynchronous
        return Link(caller_of(edge.caller), edge.caller, callee, operations, calls, awaited=awaited)

    def _entries(self, service: Service) -> tuple[Link, ...]:
        """Who calls a service from outside, each with as much."""
        rate = ENTRY_RATES[service.tier]
        if service.peak_rps:
            rate = service.peak_rps * PEAK_SHARE / max(len(tuple(self._outsiders(service))), 1)
        return tuple(
            Link(caller, None, view, self._operations(view, endpoints, exposure=exposure), rate, steady=True)
            for caller, endpoints, exposure in self._outsiders(service)
            for view in [replace(service, ports=(self._entry_port(service, exposure),))]
        )

    def _outsiders(self, service: Service) -> Iterator[tuple[Caller, tuple[Endpoint, ...], int | None]]:
        """Who calls from outside, with which operations, through which exposure."""
        for index, exposure in enumerate(service.exposures):
            gateway = self.inventory.mesh.gateways[exposure.gateway]
            workload = gateway_deployments(self.inventory.mesh)[exposure.gateway]
            yield Caller(workload, gateway.namespace, gateway.service_account, gateway=True), (), index
        for caller in service.external_callers:
            yield self._external(caller), caller.endpoints, None
        if service.role == "gateway" and not service.exposures and not service.external_callers:
            yield self._ingress, (), None

    def _external(self, caller: ExternalCaller) -> Caller:
        if caller.via == "ingress":
            return self._ingress
        if caller.via == "direct" or caller.principal is None:
            return OUTSIDE
        domain, _, namespace, _, account = caller.principal.split("/")
        return Caller(account, namespace, account, scraped=False, trust_domain=domain)

    @property
    def _ingress(self) -> Caller:
        ingress = self.inventory.mesh.ingress
        workload = ingress_deployment(self.inventory.mesh)
        return Caller(workload, ingress.namespace, ingress.service_account, gateway=True)

    def _entry_port(self, service: Service, exposure: int | None) -> Port:
        return _port(service, None if exposure is None else service.exposures[exposure].port)

    def _operations(
        self, service: Service, asked: tuple[Endpoint, ...], *, edge: Edge | None = None, exposure: int | None = None
    ) -> tuple[Operation, ...]:
        """The operations that are called: those that the caller declares, else those that the service does, else as
        many requests that may be sent twice as others.
        """
        grpc = service.ports[0].protocol == "grpc"
        inventory = self.inventory
        known = [endpoint for endpoint in asked or service.endpoints if (endpoint.grpc is not None) == grpc]
        if known:
            return tuple(
                Operation(
                    endpoint.title if service.endpoints else "",
                    policy.route(inventory, service, edge=edge, exposure=exposure, endpoint=endpoint),
                    _repeatable(endpoint),
                )
                for endpoint in known
            )
        route = policy.route(inventory, service, edge=edge, exposure=exposure)
        kinds = (False,) if grpc else (True, False)
        return tuple(Operation("", route, kind) for kind in kinds)


def _port(service: Service, number: int | None) -> Port:
    """The port that is called: the one that is named, else the first on which the mesh sees requests."""
    named = [port for port in service.ports if port.number == number]
    return (*named, *service.request_ports, *service.ports)[0]


def _repeatable(endpoint: Endpoint) -> bool:
    if endpoint.idempotent is not None:
        return endpoint.idempotent
    return endpoint.method in IDEMPOTENT_METHODS


def _usual(service: Service) -> float:
    return service.peak_rps * PEAK_SHARE if service.peak_rps else USUAL_RATES[service.tier]


def _outside(service: Service, host: ExternalHost) -> Service:
    """A host outside the cluster, as Istio sees what a ServiceEntry in the caller's namespace declares."""
    seen = "http" if host.protocol == "http" else "tcp"
    port = Port(name=host.protocol, number=host.port, protocol="http" if seen == "http" else "tcp")
    role: Role = "external"
    return Service(
        name=host.host, namespace=service.namespace, owner=service.owner, tier="low", role=role, ports=(port,),
        in_mesh=False, outside=Outside(host=host.host),
    )  # fmt: skip
