"""VirtualServices of a gateway: one for each of its hosts. A gateway does not read those of the mesh, so weights,
dark launches and timeouts are said here as well (IST0140).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.istio.gateways.exposures import by_timeout
from observe.istio.metadata import Manifest, manifest
from observe.istio.traffic.retries import ANY_METHOD, retries
from observe.istio.traffic.routes import exposed
from observe.istio.traffic.virtual_service import API_VERSION, KIND, http_route
from observe.naming import gateway_route
from observe.provenance import Origin, Sourced, of_mesh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.istio.gateways.exposures import ByHost, Exposed
    from observe.istio.traffic.route import Route
    from observe.model import Inventory, Service

NEVER_ARRIVED: Final = Origin("a gateway stands above every other retry: only what never arrived is tried again")
ATTEMPTS: Final = 2
"""Istio's own default (`retry.go`)."""


def gateway_virtual_services(inventory: Inventory, name: str, exposures: ByHost) -> Iterator[Manifest]:
    """One for each host of the gateway behind which there is a service; in the gateway's namespace."""
    gateway = inventory.mesh.gateways[name]
    for index, host in enumerate(gateway.hosts):
        routes = [
            _route(inventory, found, route)
            for found in exposures.get((name, host), ())
            for route in by_timeout(exposed(inventory, found.service, found.index))
        ]
        if routes:
            where = of_mesh("gateways", name, "hosts", index)
            spec = {
                "hosts": [Sourced(host, where)],
                "gateways": [Sourced(f"{gateway.namespace}/{name}", of_mesh("gateways", name, why="the gateway"))],
                "http": routes,
            }
            made = gateway_route(name, host)
            yield manifest(inventory.mesh, API_VERSION, KIND, gateway.namespace, made, spec)


def _route(inventory: Inventory, found: Exposed, route: Route) -> Manifest:
    service = found.service
    made = http_route(inventory, service, route, in_mesh=False)
    name = Sourced(f"{service.namespace}-{service.name}-{route.name}", Origin("what access logs call it"))
    return {**made, "name": name, "retries": _retries(inventory, service, route)}


def _retries(inventory: Inventory, service: Service, route: Route) -> Manifest:
    """None where the team wants none. What never arrived was passed on to nobody, so trying it again multiplies no
    retries further down; that is so for a service of any role.
    """
    attempts = route.policy.attempts
    if attempts.value == 0 and attempts.origin.path != inventory.path(service, "role"):
        return retries(route.policy, route.conditions)
    return {"attempts": Sourced(ATTEMPTS, NEVER_ARRIVED), "retryOn": Sourced(ANY_METHOD, NEVER_ARRIVED)}
