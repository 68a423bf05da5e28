"""How requests to a service are told apart, and what holds for each kind: data, which VirtualService and HTTPRoute
write down each in its own way.

On a port there is a route for every operation whose timeout, retries or promise differ from the rest, two for every
caller with its own choice (methods that may be repeated, and the others), and two for everybody. Every version that
is launched in the dark doubles that: so a port has at most

    (operations x (1 + callers with their own choice) + 2 x (1 + callers with their own choice)) x (1 + dark versions)

routes, and in practice a handful, since an operation has one for a caller only where it differs there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from observe import policy
from observe.istio.retries import ANY_METHOD, IDEMPOTENT, IDEMPOTENT_GRPC
from observe.model import IDEMPOTENT_METHODS
from observe.naming import slug
from observe.provenance import Origin, Sourced, declared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from observe.graph import Edge, Graph
    from observe.model import Call, Endpoint, Inventory, Method, Port, Service, Version
    from observe.policy import RoutePolicy

LONGEST_TITLE: Final = 100
"""Characters of an operation in a route's name; names that are cut alike are numbered."""


@dataclass(frozen=True, slots=True)
class Share:
    """Where requests of a route go."""

    version: Sourced[Version] | None
    """One of the service's versions; None: any of its instances."""
    weight: Sourced[int]
    """Its share in per cent."""


@dataclass(frozen=True, slots=True)
class Route:
    """Requests that are treated alike. Of a service's routes the first that matches counts."""

    name: str
    """Unique among the service's routes; it appears in access logs."""
    port: Sourced[Port]
    """Only requests to this port of the Service."""
    policy: RoutePolicy
    """How long they may take, and how often they are tried again."""
    conditions: Sourced[str]
    """Which failures are tried again, as `retryOn` has them."""
    destinations: tuple[Share, ...]
    """Where they go; shares of 0 are left out."""
    operation: Sourced[Endpoint] | None = None
    """Only requests of this operation, by its HTTP method and path or its gRPC method."""
    methods: tuple[Method, ...] = ()
    """Only these methods; all when empty."""
    caller: Edge | None = None
    """Only requests of this caller's pods."""
    dark: Sourced[Version] | None = None
    """Only requests with all the headers of this version."""
    prefix: Sourced[str] | None = None
    """Only paths that begin like this."""


def routes(graph: Graph, service: Service) -> tuple[Route, ...]:
    """The routes of requests from inside the mesh: every port with requests, most specific first on each.

    A caller's own choice is told by its pods' labels, which a proxy knows of itself. A waypoint serves all callers,
    so there are no such routes in an ambient mesh; nor for a caller without a proxy.
    """
    sidecars = graph.inventory.mesh.data_plane == "sidecar"
    edges = tuple(edge for edge in graph.callers(service) if sidecars and edge.caller.in_mesh and chooses(edge.call))
    made = (
        route
        for index, port in enumerate(service.ports)
        if port.protocol != "tcp"
        for route in _OnPort(graph.inventory, service, index, _dialling(edges, port)).routes()
    )
    return tuple(_numbered(made))


def exposed(inventory: Inventory, service: Service, exposure: int) -> tuple[Route, ...]:
    """The routes of requests that a gateway passes on, below the path of one of the service's exposures. Empty when
    the exposure's port takes no requests.
    """
    said = service.exposures[exposure]
    found = (index for index, port in enumerate(service.ports) if port.protocol != "tcp")
    index = next((index for index in found if said.port in (None, service.ports[index].number)), None)
    if index is None:
        return ()
    return tuple(_numbered(_OnPort(inventory, service, index, (), exposure).routes()))


def is_routed(inventory: Inventory, service: Service) -> bool:
    """Whether a proxy between callers and service reads routes: every caller's sidecar does, of ambient's proxies only
    waypoints (istio `pilot/pkg/networking/core`; ztunnel knows connections alone).
    """
    mesh = inventory.mesh
    return mesh.data_plane == "sidecar" or mesh.has_waypoint(service.namespace)


def shares(inventory: Inventory, service: Service) -> tuple[Share, ...]:
    """How requests are shared among the versions, those of weight 0 left out; one share of everything without any."""
    if not service.versions:
        return (Share(None, Sourced(100, Origin("all of its instances"))),)
    return tuple(
        Share(
            Sourced(version, declared(inventory, service, "versions", index)),
            Sourced(version.weight, declared(inventory, service, "versions", index, "weight")),
        )
        for index, version in enumerate(service.versions)
        if version.weight
    )


def chooses(call: Call) -> bool:
    """Whether a caller decides anything by itself."""
    own = (
        endpoint.timeout or endpoint.retries or endpoint.streaming or endpoint.idempotent is not None
        for endpoint in call.endpoints
    )
    return bool(call.timeout or call.retries) or any(own)


def _dialling(edges: Iterable[Edge], port: Port) -> tuple[Edge, ...]:
    return tuple(edge for edge in edges if edge.call.port in (None, port.number))


def _numbered(made: Iterable[Route]) -> Iterator[Route]:
    """The same routes; of those with one name the second is called `-2`, and so on."""
    seen: dict[str, int] = {}
    for route in made:
        seen[route.name] = seen.get(route.name, 0) + 1
        yield route if seen[route.name] == 1 else replace(route, name=f"{route.name}-{seen[route.name]}")


@dataclass(frozen=True, slots=True)
class _OnPort:
    """Tells apart the requests to one port."""

    inventory: Inventory
    service: Service
    index: int
    edges: tuple[Edge, ...]
    exposure: int | None = None

    @property
    def port(self) -> Port:
        return self.service.ports[self.index]

    def routes(self) -> Iterator[Route]:
        for route in self._everywhere():
            yield from self._in_the_dark(route)
            yield route

    def _in_the_dark(self, route: Route) -> Iterator[Route]:
        """The same requests with a version's headers: they keep their timeout and retries."""
        for index, version in enumerate(self.service.versions):
            if version.headers:
                dark = Sourced(version, declared(self.inventory, self.service, "versions", index))
                whole = Sourced(100, Origin("a dark launch takes all that ask for it", dark.origin.path))
                name = f"{route.name}-to-{version.name}"
                yield replace(route, name=name, dark=dark, destinations=(Share(dark, whole),))

    def _everywhere(self) -> Iterator[Route]:
        for operation in self._operations():
            usual = self._for_operation(operation, None)
            for edge in self.edges:
                own = self._for_operation(operation, edge)
                if _treatment(own) != _treatment(usual):
                    yield own
            yield usual
        for edge in self.edges:
            if edge.call.timeout or edge.call.retries:
                yield from self._by_method(edge)
        yield from self._by_method(None)

    def _operations(self) -> list[Sourced[Endpoint]]:
        """The operations that need routes: those that are not treated like the rest, and those that a template
        among them would catch as well. Fewer placeholders come first, since the first match counts.
        """
        known = sorted(self._declared().values(), key=lambda operation: _placeholders(operation.value))
        special = [operation for operation in known if self._differs(operation)]
        return [
            operation
            for operation in known
            if operation in special or any(_catches(other.value, operation.value) for other in special)
        ]

    def _declared(self) -> dict[str, Sourced[Endpoint]]:
        """The operations on this port that anybody declares, the service's own words first."""
        found: dict[str, Sourced[Endpoint]] = {}
        said = [*self._own(), *(operation for edge in self.edges for operation in self._of(edge))]
        for operation in said:
            if self._is_here(operation.value):
                found.setdefault(policy.operation(operation.value), operation)
        return found

    def _own(self) -> Iterator[Sourced[Endpoint]]:
        """What the service says of its operations."""
        for index, endpoint in enumerate(self.service.endpoints):
            yield Sourced(endpoint, declared(self.inventory, self.service, "endpoints", index))

    def _of(self, edge: Edge) -> Iterator[Sourced[Endpoint]]:
        """What a caller says of them."""
        for index, endpoint in enumerate(edge.call.endpoints):
            below = ("calls", edge.index, "endpoints", index)
            yield Sourced(endpoint, declared(self.inventory, edge.caller, *below))

    def _is_here(self, endpoint: Endpoint) -> bool:
        """Whether an operation can be asked for on this port, below the exposure's path."""
        if (endpoint.grpc is not None) != (self.port.protocol == "grpc"):
            return False
        path = f"/{endpoint.grpc}" if endpoint.grpc else endpoint.path or "/"
        return self.exposure is None or path.startswith(self.service.exposures[self.exposure].path)

    def _differs(self, operation: Sourced[Endpoint]) -> bool:
        """Whether anybody's requests of the operation are treated otherwise than their other ones."""
        return any(
            _treatment(self._for_operation(operation, edge)) != _treatment(self._rest(operation.value, edge))
            for edge in (None, *self.edges)
        )

    def _rest(self, endpoint: Endpoint, edge: Edge | None) -> Route:
        """The route that an operation's requests would take without one of its own."""
        found = self._by_method(edge)
        return next(route for route in found if not route.methods or endpoint.method in route.methods)

    def _for_operation(self, operation: Sourced[Endpoint], edge: Edge | None) -> Route:
        meant = self._meant(operation.value, edge)
        chosen = policy.route(self.inventory, self.service, edge=edge, exposure=self.exposure, endpoint=meant)
        again = self._repeatable(meant, edge)
        name = f"endpoint-{slug(operation.value.title)[:LONGEST_TITLE]}{_from(edge)}"
        return replace(self._route(name, chosen, edge, again), operation=operation)

    def _meant(self, asked: Endpoint, edge: Edge | None) -> Endpoint:
        """What a caller takes an operation for: itself, or the narrowest template of its own or of the service's that
        stands for it too, where only somebody else declares it.
        """
        said = (*(self._of(edge) if edge else ()), *self._own())
        same = (one.value for one in said if policy.operation(one.value) == policy.operation(asked))
        wider = (one.value for one in said if _catches(one.value, asked))
        return min((*same, *wider), key=_placeholders, default=asked)

    def _repeatable(self, asked: Endpoint, edge: Edge | None) -> Sourced[bool]:
        """Whether an operation may be sent twice: as its caller says, else as the service says, else by its method."""
        for operation in (*(self._of(edge) if edge else ()), *self._own()):
            endpoint, origin = operation.value, operation.origin
            if policy.operation(endpoint) == policy.operation(asked) and endpoint.idempotent is not None:
                return Sourced(endpoint.idempotent, Origin(origin.why, (*(origin.path or ()), "idempotent")))
        return Sourced(asked.method in IDEMPOTENT_METHODS, Origin("by its method"))

    def _by_method(self, edge: Edge | None) -> Iterator[Route]:
        """A route for methods that may be sent twice, and one for the rest. gRPC is always POST, so it has only one."""
        chosen = policy.route(self.inventory, self.service, edge=edge, exposure=self.exposure)
        whose = _from(edge).removeprefix("-") or "default"
        if self.port.protocol == "http" and chosen.attempts.value:
            again = self._route(f"{whose}-idempotent", chosen, edge, Sourced(True, Origin("by its method")))
            yield replace(again, methods=IDEMPOTENT_METHODS, prefix=self._prefix())
        rest = self._route(f"{whose}-any", chosen, edge, Sourced(False, Origin("by its method")))
        yield replace(rest, prefix=self._prefix())

    def _prefix(self) -> Sourced[str] | None:
        if self.exposure is None:
            return None
        path = self.service.exposures[self.exposure].path
        return Sourced(path, declared(self.inventory, self.service, "exposures", self.exposure, "path"))

    def _route(self, name: str, chosen: RoutePolicy, edge: Edge | None, again: Sourced[bool]) -> Route:
        port = Sourced(self.port, declared(self.inventory, self.service, "ports", self.index))
        return Route(
            name=f"{self.port.name}-{name}",
            port=port,
            policy=chosen,
            conditions=_conditions(self.port, again),
            destinations=shares(self.inventory, self.service),
            caller=edge,
        )


def _from(edge: Edge | None) -> str:
    return f"-from-{edge.caller.namespace}-{edge.caller.name}" if edge else ""


def _conditions(port: Port, again: Sourced[bool]) -> Sourced[str]:
    why = "may be sent twice" if again.value else "only what never reached the application"
    twice = IDEMPOTENT_GRPC if port.protocol == "grpc" else IDEMPOTENT
    return Sourced(twice if again.value else ANY_METHOD, Origin(f"{why}: {again.origin.why}", again.origin.path))


def _treatment(route: Route) -> tuple[int | None, int, int | None, str]:
    """What becomes of a route's requests, whoever decided it. Without retries nothing depends on their conditions."""
    timeout, attempts, limit = route.policy.timeout.value, route.policy.attempts.value, route.policy.per_try_timeout
    if attempts == 0:
        return timeout, 0, None, ""
    conditions = route.conditions.value
    return timeout, attempts, limit.value if limit and conditions != ANY_METHOD else None, conditions


_PLACEHOLDER: Final = re.compile(r"\{[^/}]*\}")


def _placeholders(endpoint: Endpoint) -> int:
    return len(_PLACEHOLDER.findall(endpoint.path or ""))


def _catches(template: Endpoint, other: Endpoint) -> bool:
    """Whether a template also matches requests of an operation with fewer placeholders."""
    if template.path is None or other.path is None or template.method != other.method:
        return False
    sample = _PLACEHOLDER.sub("x", other.path)
    return (
        _placeholders(template) > _placeholders(other) and re.fullmatch(path_regex(template.path), sample) is not None
    )


def path_regex(path: str) -> str:
    """A path as a regular expression of RE2 (and Python), where `{name}` is one segment."""
    return _PLACEHOLDER.sub("[^/]+", re.sub(r"\\([{}])", r"\1", re.escape(path)))
