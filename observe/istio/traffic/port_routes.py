"""How the requests to one port of a service are told apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from observe import policy
from observe.istio.traffic.path_templates import catches, placeholders
from observe.istio.traffic.retries import ANY_METHOD, IDEMPOTENT, IDEMPOTENT_GRPC
from observe.istio.traffic.route import Route, Share, shares
from observe.model import IDEMPOTENT_METHODS
from observe.naming import slug
from observe.provenance import Origin, Sourced, declared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Edge
    from observe.model import Endpoint, Inventory, Port, Service
    from observe.policy import RoutePolicy

LONGEST_TITLE: Final = 100
"""Characters of an operation in a route's name; names that are cut alike are numbered."""


@dataclass(frozen=True, slots=True)
class PortRoutes:
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
        known = sorted(self._declared().values(), key=lambda operation: placeholders(operation.value))
        special = [operation for operation in known if self._differs(operation)]
        return [
            operation
            for operation in known
            if operation in special or any(catches(other.value, operation.value) for other in special)
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
        wider = (one.value for one in said if catches(one.value, asked))
        return min((*same, *wider), key=placeholders, default=asked)

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
