"""Certificate: what cert-manager has a gateway's certificate signed for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.istio.metadata import Manifest, manifest
from observe.provenance import Sourced, of_mesh

if TYPE_CHECKING:
    from observe.model import Mesh

KIND: Final = "Certificate"
API_VERSION: Final = "cert-manager.io/v1"


def certificate(mesh: Mesh, name: str) -> Manifest | None:
    """One for all hosts of the gateway, beside it; None when something else fills the Secret."""
    gateway = mesh.gateways[name]
    if gateway.issuer is None:
        return None
    issuer = {"name": gateway.issuer.name, "kind": gateway.issuer.kind, "group": "cert-manager.io"}
    spec: Manifest = {
        "secretName": Sourced(gateway.secret, of_mesh("gateways", name, "secret")),
        "dnsNames": Sourced(list(gateway.hosts), of_mesh("gateways", name, "hosts")),
        "issuerRef": Sourced(issuer, of_mesh("gateways", name, "issuer")),
    }
    return manifest(mesh, API_VERSION, KIND, gateway.namespace, name, spec)
