"""Who may do what with a service: one grant for each identity, port and operation that the inventory declares.

AuthorizationPolicy writes them down, findings compare them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from observe.istio.security import operations
from observe.istio.security.encryption import (
    dialled,
    hides_identity,
    is_anonymous,
    past_proxy,
    scraped,
    takes_plaintext,
)
from observe.istio.security.operations import ANY, Operation
from observe.model import Port
from observe.naming import principal
from observe.provenance import Origin, declared, of_mesh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Edge, Graph
    from observe.model import Exposure, ExternalCaller, Inventory, Mesh, Metrics, Service

DEFAULT_ACCOUNT: Final = "default"
"""The account of pods that name none."""

Way: TypeAlias = Literal["waypoint", "past", "either"]
"""How requests reach the pods of a namespace with a waypoint: through it, as from workloads of the mesh that dial
the Service; past it, as from who dials pods or is not in the mesh; or either. Gateways go past it unless
`istio.io/ingress-use-waypoint` is set, sidecars of other meshes always do (istio
`pilot/pkg/xds/endpoints/endpoint_builder.go`)."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One identity may do one thing on one port."""

    principal: str | None
    """The identity, as AuthorizationPolicy writes it; None: whoever comes without one."""
    port: Port
    operation: Operation
    who: Origin
    """Why they are admitted."""
    what: Origin
    """Why to this operation."""
    way: Way


def grants(graph: Graph, service: Service) -> tuple[Grant, ...]:
    """All that declared callers, gateways and Prometheus may do, as the service's proxies see who they are."""
    inventory = graph.inventory
    made = (
        *(grant for edge in graph.callers(service) for grant in of_call(inventory, edge)),
        *_of_ingress(inventory, service),
        *(grant for index in range(len(service.exposures)) for grant in of_exposure(inventory, service, index)),
        *(grant for index in range(len(service.external_callers)) for grant in of_outsider(inventory, service, index)),
        *_of_prometheus(inventory, service),
    )
    return tuple(
        _as_seen(inventory.mesh, service, grant)
        for grant in made
        if not past_proxy(inventory.mesh, service, grant.port.container_port)
    )


def _as_seen(mesh: Mesh, service: Service, grant: Grant) -> Grant:
    hidden = hides_identity(mesh, service, grant.port.container_port)
    return replace(grant, principal=None) if hidden else grant


def identity(mesh: Mesh, service: Service) -> str:
    """The identity of a service's pods."""
    return principal(mesh.trust_domain, service.namespace, service.service_account or DEFAULT_ACCOUNT)


def of_call(inventory: Inventory, edge: Edge) -> Iterator[Grant]:
    """What a call may do. Without an identity it gets through only where plaintext is taken."""
    mesh, caller, callee = inventory.mesh, edge.caller, edge.callee
    what = _offered(inventory, callee)
    if edge.call.endpoints:
        what = declared(inventory, caller, "calls", edge.index, "endpoints", why=f"what {caller.id} uses")
    for port in dialled(edge):
        anonymous = is_anonymous(mesh, edge, port)
        if anonymous and not takes_plaintext(mesh, callee, port.container_port):
            continue
        why = f"called by {caller.id}{' without an identity' if anonymous else ''}"
        who = declared(inventory, caller, "calls", edge.index, why=why)
        name = None if anonymous else identity(mesh, caller)
        for operation in operations.allowed(port, callee.endpoints, edge.call.endpoints):
            yield Grant(name, port, operation, who, what, "past" if anonymous else "waypoint")


def of_exposure(inventory: Inventory, service: Service, index: int) -> Iterator[Grant]:
    """What a gateway may do that passes on requests from outside."""
    exposure: Exposure = service.exposures[index]
    gateway = inventory.mesh.gateways.get(exposure.gateway)
    if gateway is None:
        return
    name = principal(inventory.mesh.trust_domain, gateway.namespace, gateway.service_account)
    who = declared(inventory, service, "exposures", index, why=f"exposed through gateway {exposure.gateway}")
    what = declared(inventory, service, "exposures", index, "path", why="what is exposed of it")
    for port in service.ports:
        if exposure.port in (None, port.number):
            for operation in operations.below(port, service.endpoints, exposure.path):
                yield Grant(name, port, operation, who, what, "either")


def _of_ingress(inventory: Inventory, service: Service) -> Iterator[Grant]:
    """A service of role gateway is what the ingress gateway is for, unless exposures say it better."""
    if service.role == "gateway" and not service.exposures:
        who = declared(inventory, service, "role", why="role gateway is what the ingress gateway passes requests on to")
        for port in service.ports:
            for operation in operations.allowed(port, service.endpoints):
                yield Grant(_ingress(inventory.mesh), port, operation, who, _offered(inventory, service), "either")


def of_outsider(inventory: Inventory, service: Service, index: int) -> Iterator[Grant]:
    """What somebody outside the mesh may do: as the ingress gateway, by their own identity, or without any."""
    mesh, caller = inventory.mesh, service.external_callers[index]
    who = declared(inventory, service, "external_callers", index, why=f"called by {caller.name} {_WAYS[caller.via]}")
    what = _offered(inventory, service)
    if caller.endpoints:
        what = declared(inventory, service, "external_callers", index, "endpoints", why=f"what {caller.name} uses")
    for port in service.ports:
        if caller.via != "direct" or takes_plaintext(mesh, service, port.container_port):
            for operation in operations.allowed(port, service.endpoints, caller.endpoints):
                way: Way = "past" if caller.via == "direct" else "either"
                yield Grant(_name(mesh, caller), port, operation, who, what, way)


_WAYS: Final = {
    "ingress": "through the ingress gateway",
    "mesh": "with an identity of its own",
    "direct": "without an identity",
}


def _name(mesh: Mesh, caller: ExternalCaller) -> str | None:
    return _ingress(mesh) if caller.via == "ingress" else caller.principal


def _ingress(mesh: Mesh) -> str:
    return principal(mesh.trust_domain, mesh.ingress.namespace, mesh.ingress.service_account)


def _of_prometheus(inventory: Inventory, service: Service) -> Iterator[Grant]:
    """A scrape of the application itself. It dials pods, and speaks plaintext without an account of its own."""
    mesh, metrics = inventory.mesh, scraped(inventory.mesh, service)
    if metrics is None:
        return
    account, name = mesh.prometheus.service_account, None
    who = declared(inventory, service, "metrics", "merged", why="scraped by Prometheus without an identity")
    if account and not hides_identity(mesh, service, metrics.port):
        name = principal(mesh.trust_domain, mesh.prometheus.namespace, account)
        who = of_mesh("prometheus", "service_account", why="scraped by Prometheus")
    declared_port = next((port for port in service.ports if port.container_port == metrics.port), None)
    port = declared_port or Port(name="metrics", number=metrics.port)
    what = declared(inventory, service, "metrics", "path", why="where its metrics are")
    yield Grant(name, port, _scrape(metrics, declared_port, name), who, what, "past")


def _scrape(metrics: Metrics, port: Port | None, name: str | None) -> Operation:
    """The request that scrapes, where requests can be told apart.

    On a port of no Service the proxy guesses the protocol. With mTLS it finds HTTP only where the caller says so by
    Istio's own ALPN, which Prometheus does not (istio `pilot/pkg/networking/core/filterchain_options.go`): a rule
    with a method would never match.
    """
    opaque = port.protocol == "tcp" if port else name is not None
    return ANY if opaque else Operation("GET", operations.template(metrics.path))


def _offered(inventory: Inventory, service: Service) -> Origin:
    why = "what the service offers" if service.endpoints else "any operation: the service names none"
    return declared(inventory, service, "endpoints", why=why)
