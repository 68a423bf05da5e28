"""PeerAuthentication: whether a service's proxies accept plaintext."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.istio.metadata import Manifest, manifest
from observe.naming import ANNOTATION_REASON

if TYPE_CHECKING:
    from observe.model import Inventory, Service

KIND: Final = "PeerAuthentication"
API_VERSION: Final = "security.istio.io/v1"


def peer_authentication(inventory: Inventory, service: Service) -> Manifest | None:
    """The service's own mode, limited to the ports of its exception; None for services without a proxy."""
    if not service.in_mesh:
        return None
    mtls = service.mtls
    spec: Manifest = {"selector": {"matchLabels": dict(service.selector)}}
    if mtls.ports:
        spec["mtls"] = {"mode": "STRICT"}
        spec["portLevelMtls"] = {str(port): {"mode": mtls.mode} for port in sorted(mtls.ports)}
    else:
        spec["mtls"] = {"mode": mtls.mode}
    annotations = {ANNOTATION_REASON: mtls.reason} if mtls.reason else None
    return manifest(inventory.mesh, API_VERSION, KIND, service.namespace, service.name, spec, annotations)
