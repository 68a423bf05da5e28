"""Gateway: on which hosts the ingress gateway answers, with which certificate. Istio's own kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.istio.metadata import Manifest, manifest
from observe.provenance import Origin, Sourced, of_mesh

if TYPE_CHECKING:
    from observe.model import Mesh

KIND: Final = "Gateway"
API_VERSION: Final = "networking.istio.io/v1"

BY_DESIGN: Final = Origin("what comes in from outside comes in with TLS, at the usual port")


def gateway(mesh: Mesh, name: str) -> Manifest:
    """TLS on 443 for its hosts, in the namespace of its pods, where they look for the certificate; and the redirect."""
    declared = mesh.gateways[name]
    hosts = Sourced(list(declared.hosts), of_mesh("gateways", name, "hosts"))
    servers = [_https(mesh, name, hosts)]
    if declared.redirect:
        servers.append(_redirect(name, hosts))
    selector = Sourced(dict(declared.labels), of_mesh("gateways", name, "labels"))
    spec: Manifest = {"selector": selector, "servers": servers}
    return manifest(mesh, API_VERSION, KIND, declared.namespace, name, spec)


def _https(mesh: Mesh, name: str, hosts: Sourced[list[str]]) -> Manifest:
    secret = Sourced(mesh.gateways[name].secret, of_mesh("gateways", name, "secret"))
    return {
        "port": Sourced({"number": 443, "name": "https", "protocol": "HTTPS"}, BY_DESIGN),
        "hosts": hosts,
        "tls": {"mode": Sourced("SIMPLE", BY_DESIGN), "credentialName": secret},
    }


def _redirect(name: str, hosts: Sourced[list[str]]) -> Manifest:
    origin = of_mesh("gateways", name, "redirect", why="plain HTTP is sent to HTTPS")
    return {
        "port": Sourced({"number": 80, "name": "http", "protocol": "HTTP"}, origin),
        "hosts": hosts,
        "tls": Sourced({"httpsRedirect": True}, origin),
    }
