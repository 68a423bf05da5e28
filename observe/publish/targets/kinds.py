"""The kinds of a pack, and the order in which they come and go, so that no route breaks and no door opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe import naming
from observe.clients.kube_resource import Resource

if TYPE_CHECKING:
    from observe.publish.target import Key

NETWORKING, SECURITY = "networking.istio.io/v1", "security.istio.io/v1"
GATEWAY_API: Final = "gateway.networking.k8s.io"
CONFIG_MAP: Final = Resource("v1", "ConfigMap")
KINDS: Final = (
    CONFIG_MAP,
    Resource("telemetry.istio.io/v1", "Telemetry"),
    Resource("cert-manager.io/v1", "Certificate"),
    Resource("monitoring.coreos.com/v1", "PrometheusRule"),
    Resource(SECURITY, "AuthorizationPolicy"),
    Resource(SECURITY, "PeerAuthentication"),
    Resource(NETWORKING, "DestinationRule"),
    Resource(NETWORKING, "ServiceEntry"),
    Resource(NETWORKING, "Sidecar"),
    Resource("networking.istio.io/v1alpha3", "EnvoyFilter"),
    Resource(NETWORKING, "Gateway"),
    Resource(f"{GATEWAY_API}/v1", "Gateway"),
    Resource(f"{GATEWAY_API}/v1beta1", "ReferenceGrant"),
    Resource(NETWORKING, "VirtualService"),
    Resource(f"{GATEWAY_API}/v1", "HTTPRoute"),
)
"""Every kind that a pack may hold, so that what is left of a kind that it no longer holds is found too.

A server serves an object in every version of its kind: it must not be listed in two of them."""

PHASES: Final = {
    "AuthorizationPolicy": 1,
    "PeerAuthentication": 2,
    "DestinationRule": 3,
    "ServiceEntry": 4,
    "Sidecar": 5,
    "EnvoyFilter": 5,
    "Gateway": 5,
    "ReferenceGrant": 5,
    "VirtualService": 6,
    "HTTPRoute": 6,
}
"""Make before break (Istio, "Traffic Management Best Practices"); what is taken away goes in the reverse order.

- A caller is admitted before requests flow, and plaintext only when the policy says who may come without identity.
- A DestinationRule goes before all that leads to it: subsets before the routes that name them, and TLS before the
  ServiceEntry that turns a plain port into the host's TLS port.
- An outside host is known before a Sidecar narrows what proxies know, and limits are there before the routes.
- Others are in phase 0: nothing waits for them. A Certificate is there before its Gateway; that its Secret is filled
  takes cert-manager longer than any publish."""
FOR_ALL: Final = 7
"""The phase of policies that hold for a namespace or the mesh: before one of them refuses what nothing admits, all
that has exceptions has them."""
_POLICIES: Final = ("AuthorizationPolicy", "PeerAuthentication")


def phase(key: Key) -> int:
    """The phase of an object."""
    if key.kind in _POLICIES and key.name in naming.FOR_ALL:
        return FOR_ALL
    return PHASES.get(key.kind, 0)
