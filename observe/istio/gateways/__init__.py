"""Everything about the ingress gateways, in the resources that the mesh is routed by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.istio.filters.global_rate_limit import global_rate_limits
from observe.istio.gateways.certificate import certificate
from observe.istio.gateways.exposures import by_host
from observe.istio.gateways.gateway import gateway
from observe.istio.gateways.gateway_http_routes import gateway_http_routes
from observe.istio.gateways.gateway_routes import gateway_virtual_services
from observe.istio.gateways.kubernetes_gateway import kubernetes_gateway

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.istio.metadata import Manifest
    from observe.model import Inventory


def gateway_manifests(inventory: Inventory) -> Iterator[Manifest]:
    """The gateways with their certificates and routes, in the order of their names, and the rate limits of all."""
    mesh, exposures = inventory.mesh, by_host(inventory)
    for name in sorted(mesh.gateways):
        if mesh.routing == "gateway-api":
            yield kubernetes_gateway(mesh, name)
            yield from gateway_http_routes(inventory, name, exposures)
        else:
            yield gateway(mesh, name)
            yield from gateway_virtual_services(inventory, name, exposures)
        if made := certificate(mesh, name):
            yield made
    yield from global_rate_limits(mesh)
