"""HTTPRoutes of a gateway of the Kubernetes Gateway API, and the leave to send requests to other namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.istio.gateways.exposures import by_timeout
from observe.istio.gateways.http_route import in_parts, is_template, rule
from observe.istio.gateways.kubernetes_gateway import GROUP, HTTP_LISTENER, listener
from observe.istio.metadata import Manifest, manifest
from observe.istio.traffic.routes import exposed
from observe.naming import gateway_route
from observe.provenance import Sourced, declared, of_mesh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.istio.gateways.exposures import ByHost, Exposed
    from observe.model import Endpoint, Inventory, Mesh, Service

REDIRECT: Final = "redirect"


def gateway_http_routes(inventory: Inventory, name: str, exposures: ByHost) -> Iterator[Manifest]:
    """The redirect, and the routes of each host behind which there is a service; in the gateway's namespace."""
    mesh, gateway = inventory.mesh, inventory.mesh.gateways[name]
    if gateway.redirect:
        yield from _redirect(mesh, name)
    for index, host in enumerate(gateway.hosts):
        where = _parent(name, listener(index))
        where["hostnames"] = [Sourced(host, of_mesh("gateways", name, "hosts", index))]
        rules = list(_rules(inventory, exposures.get((name, host), ())))
        yield from in_parts(mesh, gateway.namespace, gateway_route(name, host), where, rules)


def _rules(inventory: Inventory, exposures: tuple[Exposed, ...]) -> Iterator[Manifest]:
    """The rules of a host. Istio orders them itself, and exact paths come before all prefixes: an operation below
    the path of another exposure is left to that one.
    """
    longer: list[str] = []
    for found in exposures:
        for route in by_timeout(exposed(inventory, found.service, found.index)):
            operation = route.operation.value if route.operation else None
            if not route.dark and (operation is None or _is_met(operation, longer)):
                yield rule(inventory, found.service, route)
        longer.append(found.exposure.path.rstrip("/"))


def _is_met(operation: Endpoint, longer: list[str]) -> bool:
    path = f"/{operation.grpc}" if operation.grpc else operation.path or "/"
    return not is_template(operation) and not any(path == one or path.startswith(f"{one}/") for one in longer)


def _redirect(mesh: Mesh, name: str) -> Iterator[Manifest]:
    """Its name is no host's: there is no top-level domain `redirect`."""
    to_https = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
    origin = of_mesh("gateways", name, "redirect", why="plain HTTP is sent to HTTPS")
    rules = [{"filters": [Sourced(to_https, origin)]}]
    where = _parent(name, HTTP_LISTENER)
    yield from in_parts(mesh, mesh.gateways[name].namespace, gateway_route(name, REDIRECT), where, rules)


def _parent(name: str, section: str) -> Manifest:
    parent = {"name": name, "sectionName": section}
    return {"parentRefs": [Sourced(parent, of_mesh("gateways", name, why="the gateway"))]}


def reference_grant(inventory: Inventory, service: Service) -> Manifest | None:
    """The leave for gateways in other namespaces to send requests to the service; None where there are none.

    Without it they answer 500. It admits routes, not requests: that is up to the AuthorizationPolicy.
    """
    mesh = inventory.mesh
    if mesh.routing != "gateway-api" or service.outside:
        return None
    used = {exposure.gateway for exposure in service.exposures} & mesh.gateways.keys()
    away = sorted({mesh.gateways[name].namespace for name in used} - {service.namespace})
    if not away:
        return None
    origin = declared(inventory, service, "exposures", why="it is exposed")
    spec: Manifest = {
        "from": Sourced([{"group": GROUP, "kind": "HTTPRoute", "namespace": one} for one in away], origin),
        "to": Sourced([{"group": "", "kind": "Service", "name": service.name}], origin),
    }
    return manifest(mesh, f"{GROUP}/v1beta1", "ReferenceGrant", service.namespace, service.name, spec)
