"""Inventories that use everything PeerAuthentication and AuthorizationPolicy are made from, and their objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from observe.graph import Graph
from observe.model import (
    Call,
    Endpoint,
    ExcludedPorts,
    Exposure,
    ExternalCaller,
    Gateway,
    Metrics,
    Mtls,
    MtlsDefault,
    Namespace,
)
from observe.pack import manifests
from observe.provenance import plain
from tests.samples import GRPC, HTTP, TCP, a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from observe.model import Inventory, Service

KINDS = ("PeerAuthentication", "AuthorizationPolicy")
GET = Endpoint(method="GET", path="/orders/{id}")
ODD = Endpoint(method="GET", path="/a//{b}.c/d")
USERS = Endpoint(grpc="acme.v1.Users/GetUser")
HOOK = Endpoint(method="POST", path="/webhook")


def secured(namespace: str, **mesh: Any) -> Inventory:
    """`checkout` with everything, `tried` in a dry run, and who calls them; the namespace denies by default."""
    checkout = a_service(
        namespace=namespace,
        ports=(HTTP, GRPC, TCP),
        endpoints=(GET, ODD, USERS, HOOK),
        exposures=(Exposure(gateway="web", host="shop.example.com", path="/orders", port=80),),
        external_callers=(
            ExternalCaller(name="Payer", via="direct", endpoints=(HOOK,)),
            ExternalCaller(name="Sister", via="mesh", principal="sister.example.com/ns/sales/sa/desk"),
        ),
        metrics=Metrics(port=9102, merged=False),
        mtls=Mtls(mode="PERMISSIVE", ports=(8080,), reason="plain webhooks"),
    )
    tried = a_service("tried", namespace=namespace, authorization="dry-run")
    past = a_service("past", namespace=namespace, ports=(GRPC,), excluded_ports=ExcludedPorts(inbound=(9000,)))
    called = f"{namespace}/checkout"
    calls = (
        Call(service=called, port=80, endpoints=(GET,)),
        Call(service=called, port=5432),
        Call(service=f"{namespace}/tried"),
    )
    cart = a_service("cart", namespace=namespace, calls=calls)
    chosen: dict[str, Any] = {
        "namespaces": {namespace: Namespace(mtls=MtlsDefault(mode="STRICT"), default_deny=True)},
        "gateways": {"web": Gateway(hosts=("shop.example.com",), secret="web-tls")},
        "trust_domain_aliases": ("old.example.com",),
        **mesh,
    }
    return an_inventory(checkout, tried, past, cart, mesh=a_mesh(**chosen))


def policies(inventory: Inventory) -> list[dict[str, Any]]:
    """The PeerAuthentications and AuthorizationPolicies of an inventory, as they are applied."""
    return [plain(made) for _, made in manifests(inventory, Graph(inventory)) if made["kind"] in KINDS]


def workload(service: Service, address: str) -> tuple[dict[str, Any], ...]:
    """The Service, and what a pod is to istiod."""
    metadata = {"name": service.name, "namespace": service.namespace}
    ports = [{"name": one.name, "port": one.number, "targetPort": one.container_port} for one in service.ports]
    spec = {"selector": dict(service.selector), "ports": ports}
    entry = {"address": address, "labels": dict(service.selector)}
    return (
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec},
        {"apiVersion": "networking.istio.io/v1", "kind": "WorkloadEntry", "metadata": metadata, "spec": entry},
    )


PATHS = {
    "Namespace": "/api/v1/namespaces/{1}",
    "Pod": "/api/v1/namespaces/{0}/pods/{1}",
    "Service": "/api/v1/namespaces/{0}/services/{1}",
    "WorkloadEntry": "/apis/networking.istio.io/v1/namespaces/{0}/workloadentries/{1}",
    "PeerAuthentication": "/apis/security.istio.io/v1/namespaces/{0}/peerauthentications/{1}",
    "AuthorizationPolicy": "/apis/security.istio.io/v1/namespaces/{0}/authorizationpolicies/{1}",
    "Gateway": "/apis/gateway.networking.k8s.io/v1/namespaces/{0}/gateways/{1}",
}


def path(manifest: dict[str, Any]) -> str:
    """Where the API server has an object."""
    metadata = manifest["metadata"]
    return PATHS[manifest["kind"]].format(metadata.get("namespace"), metadata["name"])
