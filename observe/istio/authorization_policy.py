"""AuthorizationPolicy: only declared callers, on the declared ports, with the declared operations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from observe.istio.metadata import Manifest, manifest
from observe.naming import principal

if TYPE_CHECKING:
    from observe.graph import Graph
    from observe.model import Endpoint, Inventory, Mesh, Port, Service

KIND: Final = "AuthorizationPolicy"
API_VERSION: Final = "security.istio.io/v1"
DEFAULT_ACCOUNT: Final = "default"


def authorization_policy(inventory: Inventory, graph: Graph, service: Service) -> Manifest | None:
    """An ALLOW policy; without any caller it has no rules, which denies everybody. None without a proxy.

    Ports are the container's, as strings: what the proxy in front of the workload sees.
    """
    if not service.in_mesh:
        return None
    known, anonymous = service.endpoints, _plaintext_endpoints(service)
    if inventory.mesh.data_plane == "ambient":
        # ztunnel knows ports and identities only: it drops a rule with methods or paths, and then denies everybody.
        known = anonymous = ()
    rules = []
    callers = principals(inventory, graph, service)
    if callers:
        rules.append(_rule({"principals": callers}, service.ports, known))
    if _expects_plaintext(graph, service):
        # Who has no certificate has no principal, so only the negative rule lets them in, and nobody else.
        rules.append(_rule({"notPrincipals": ["*"]}, _plaintext_ports(service), anonymous))
    spec: Manifest = {"selector": {"matchLabels": dict(service.selector)}, "action": "ALLOW"}
    if rules:
        spec["rules"] = rules
    return manifest(inventory.mesh, API_VERSION, KIND, service.namespace, service.name, spec)


def principals(inventory: Inventory, graph: Graph, service: Service) -> list[str]:
    """The identities that may call: declared callers with a proxy, and the ingress gateway where it forwards."""
    mesh = inventory.mesh
    callers = {_identity(mesh, edge.caller) for edge in graph.callers(service) if edge.caller.in_mesh}
    if service.role == "gateway" or any(caller.via == "ingress" for caller in service.external_callers):
        callers.add(principal(mesh.trust_domain, mesh.ingress.namespace, mesh.ingress.service_account))
    return sorted(callers)


def _identity(mesh: Mesh, service: Service) -> str:
    return principal(mesh.trust_domain, service.namespace, service.service_account or DEFAULT_ACCOUNT)


def _expects_plaintext(graph: Graph, service: Service) -> bool:
    """Whether somebody without a proxy is declared as a caller, and the mTLS mode lets them through."""
    direct = any(caller.via == "direct" for caller in service.external_callers)
    return service.mtls.mode != "STRICT" and (direct or any(not edge.caller.in_mesh for edge in graph.callers(service)))


def _plaintext_ports(service: Service) -> tuple[Port, ...]:
    excepted = service.mtls.ports
    return tuple(port for port in service.ports if not excepted or port.container_port in excepted)


def _plaintext_endpoints(service: Service) -> tuple[Endpoint, ...]:
    """What direct callers say they use; everything the service offers when one of them does not say."""
    direct = [caller.endpoints for caller in service.external_callers if caller.via == "direct"]
    if not direct or not all(direct):
        return service.endpoints
    return tuple(endpoint for endpoints in direct for endpoint in endpoints)


def _rule(source: Manifest, ports: tuple[Port, ...], endpoints: tuple[Endpoint, ...]) -> Manifest:
    return {"from": [{"source": source}], "to": _operations(ports, endpoints)}


def _operations(ports: tuple[Port, ...], endpoints: tuple[Endpoint, ...]) -> list[Manifest]:
    """What may be done, port by port: HTTP fields never match on a TCP port, so ports are not mixed."""
    return [{"operation": operation} for port in ports for operation in _on(port, endpoints)]


def _on(port: Port, endpoints: tuple[Endpoint, ...]) -> list[Manifest]:
    number = {"ports": [str(port.container_port)]}
    if port.protocol == "grpc":
        paths = sorted({f"/{endpoint.grpc}" for endpoint in endpoints if endpoint.grpc})
        return [{**number, "methods": ["POST"], "paths": paths}] if paths else [number]
    by_method: dict[str, set[str]] = {}
    for endpoint in endpoints:
        if port.protocol == "http" and endpoint.method and endpoint.path:
            by_method.setdefault(endpoint.method, set()).add(_template(endpoint.path))
    return [{**number, "methods": [method], "paths": sorted(paths)} for method, paths in sorted(by_method.items())] or [
        number
    ]


def _template(path: str) -> str:
    """`/orders/{id}` in the policy's own notation, where `{*}` is one segment (since Istio 1.22)."""
    return re.sub(r"\{[^/}]*\}", "{*}", path)
