"""Istio resources, a room per concern and in it a module per kind: model in, manifests out, values with origins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.istio.filters.fault import faults
from observe.istio.filters.local_rate_limit import local_rate_limit
from observe.istio.gateways import gateway_manifests
from observe.istio.gateways.gateway_http_routes import reference_grant
from observe.istio.gateways.http_route import http_routes
from observe.istio.gateways.waypoint import waypoint
from observe.istio.install import installation
from observe.istio.metadata import Manifest, manifest
from observe.istio.security.authorization_policy import authorization_policies, default_deny
from observe.istio.security.peer_authentication import (
    mesh_peer_authentication,
    namespace_peer_authentication,
    peer_authentication,
)
from observe.istio.telemetry.telemetry_endpoints import endpoint_telemetry
from observe.istio.telemetry.tracing import mesh_tracing
from observe.istio.traffic.destination_rule import destination_rule
from observe.istio.traffic.external import external_manifests
from observe.istio.traffic.service_entry import service_entry
from observe.istio.traffic.sidecar import sidecar
from observe.istio.traffic.virtual_service import virtual_service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.model import Inventory, Service

__all__ = ["Manifest", "installation", "manifest", "mesh_manifests", "namespace_manifests", "service_manifests"]


def mesh_manifests(inventory: Inventory) -> Iterator[Manifest]:
    """What Istio should know about the mesh as a whole: mesh-wide policies, gateways."""
    made = (mesh_peer_authentication(inventory), mesh_tracing(inventory))
    yield from (one for one in made if one is not None)
    yield from gateway_manifests(inventory)


def namespace_manifests(inventory: Inventory, namespace: str) -> Iterator[Manifest]:
    """What Istio should know about a namespace as a whole: its policies, external hosts, waypoint."""
    made = (
        namespace_peer_authentication(inventory, namespace),
        default_deny(inventory, namespace),
        waypoint(inventory, namespace),
    )
    yield from (one for one in made if one is not None)
    yield from external_manifests(inventory, namespace)


def service_manifests(inventory: Inventory, graph: Graph, service: Service) -> Iterator[Manifest]:
    """Everything Istio should know about a service. Order does not matter; names within a kind are unique."""
    made = (
        virtual_service(inventory, graph, service),
        destination_rule(inventory, graph, service),
        service_entry(inventory, service),
        sidecar(inventory, graph, service),
        peer_authentication(inventory, service),
        *authorization_policies(graph, service),
        *http_routes(inventory, graph, service),
        reference_grant(inventory, service),
        local_rate_limit(inventory, service),
        *faults(inventory, service),
        endpoint_telemetry(inventory, service),
    )
    return (one for one in made if one is not None)
