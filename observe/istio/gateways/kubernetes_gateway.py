"""Gateway of the Kubernetes Gateway API: istiod itself deploys the pods for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.istio.gateways.gateway import BY_DESIGN
from observe.istio.metadata import Manifest, manifest
from observe.provenance import Sourced, of_mesh

if TYPE_CHECKING:
    from observe.model import Mesh

KIND: Final = "Gateway"
GROUP: Final = "gateway.networking.k8s.io"
API_VERSION: Final = f"{GROUP}/v1"

ANNOTATION_ACCOUNT: Final = "gateway.istio.io/service-account"
"""Names the service account of the pods; without it they get one called `<gateway>-istio` (istio
`deploymentcontroller.go`), which policies would have to name."""

HTTP_LISTENER: Final = "http"
MOST_LISTENERS: Final = 64
"""What the CRD takes."""


def managed(mesh: Mesh) -> Manifest:
    """The label that tells which control plane deploys a Gateway's pods; of those without one only the default does."""
    revision = mesh.installation.revision
    return {"istio.io/rev": Sourced(revision, of_mesh("installation", "revision"))} if revision else {}


def kubernetes_gateway(mesh: Mesh, name: str) -> Manifest:
    """A listener with TLS for each of its hosts, and one for plain HTTP where that is redirected."""
    gateway = mesh.gateways[name]
    listeners = [_https(mesh, name, index) for index in range(len(gateway.hosts))]
    if gateway.redirect:
        plain = {"name": HTTP_LISTENER, "port": 80, "protocol": "HTTP"}
        listeners.append(Sourced(plain, of_mesh("gateways", name, "redirect", why="plain HTTP is sent to HTTPS")))
    spec: Manifest = {
        "gatewayClassName": Sourced("istio", of_mesh("routing", why="the gateway is Istio's")),
        "listeners": listeners,
    }
    account = Sourced(gateway.service_account, of_mesh("gateways", name, "service_account"))
    annotations = {ANNOTATION_ACCOUNT: account}
    labels = managed(mesh)
    return manifest(mesh, API_VERSION, KIND, gateway.namespace, name, spec, annotations, labels=labels)


def listener(index: int) -> str:
    """The name of the listener of a gateway's host."""
    return f"https-{index}"


def _https(mesh: Mesh, name: str, index: int) -> Manifest | Sourced[Manifest]:
    gateway = mesh.gateways[name]
    host = Sourced(gateway.hosts[index], of_mesh("gateways", name, "hosts", index))
    secret = Sourced(gateway.secret, of_mesh("gateways", name, "secret"))
    tls = {"mode": "Terminate", "certificateRefs": [{"name": secret}]}
    return Sourced({"name": listener(index), "hostname": host, "port": 443, "protocol": "HTTPS", "tls": tls}, BY_DESIGN)
