"""Requests to a service that are treated alike, and where they go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from observe.provenance import Origin, Sourced, declared

if TYPE_CHECKING:
    from observe.graph import Edge
    from observe.model import Endpoint, Inventory, Method, Port, Service, Version
    from observe.policy import RoutePolicy


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
