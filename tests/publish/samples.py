"""Small artifacts as a pack holds them: with the labels, tags and hashes that publishing reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from observe import naming
from observe.artifact import Artifact, Identity, Kind
from observe.render.text import to_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

MESH = "shop"
FOLDER = "Shop Mesh"
NETWORKING, SECURITY = "networking.istio.io/v1", "security.istio.io/v1"
MONITORING = "monitoring.coreos.com/v1"
GATEWAY_API = "gateway.networking.k8s.io"


def page(path: str = "runbooks/ServiceErrorRateHigh.md", text: str = "# What to do\n") -> Artifact:
    """A file that only directories take."""
    content = text.encode()
    return Artifact(Kind.RUNBOOK, path, content, naming.digest(content))


def dashboard(uid: str, text: str = "first", *, mesh: str = MESH) -> Artifact:
    """A dashboard whose content changes with `text`."""
    body = {"uid": uid, "title": f"Title of {uid}", "description": text, "schemaVersion": 38, "panels": []}
    digest = naming.digest(json.dumps(body).encode())
    tags = [naming.TAG_TOOL, naming.pack_tag(mesh), naming.hash_tag(digest)]
    content = json.dumps({**body, "tags": tags}, indent=2).encode() + b"\n"
    identity = Identity("", "Dashboard", FOLDER, uid)
    return Artifact(Kind.DASHBOARD, naming.dashboard_path(uid), content, digest, identity)


def manifest(
    kind: str,
    api: str,
    namespace: str,
    name: str,
    spec: Any,
    *,
    mesh: str = MESH,
    annotations: Mapping[str, str] | None = None,
    content: str = "spec",
) -> Artifact:
    """A Kubernetes object of the pack; `content` is the field in which it says what it says."""
    metadata: dict[str, Any] = {"name": name, "namespace": namespace, "labels": naming.labels(mesh)}
    body = {"apiVersion": api, "kind": kind, "metadata": metadata, content: spec}
    digest = naming.digest(json.dumps([body, annotations]).encode())
    metadata["annotations"] = {**(annotations or {}), naming.ANNOTATION_HASH: digest}
    path = naming.service_manifest_path(namespace, name, kind, name)
    return Artifact(Kind.MANIFEST, path, to_yaml(body), digest, Identity(api, kind, namespace, name))


def virtual_service(
    namespace: str, name: str = "web", *, timeout: str = "3s", mesh: str = MESH, **more: Any
) -> Artifact:
    host = naming.host(namespace, name, "cluster.local")
    route = {"route": [{"destination": {"host": host}}], "timeout": timeout}
    return manifest(
        "VirtualService", NETWORKING, namespace, name, {"hosts": [host], "http": [route], **more}, mesh=mesh
    )


def destination_rule(namespace: str, name: str = "web", *, connections: int = 11, mesh: str = MESH) -> Artifact:
    limits = {"connectionPool": {"tcp": {"maxConnections": connections}}}
    spec = {"host": naming.host(namespace, name, "cluster.local"), "trafficPolicy": limits}
    return manifest("DestinationRule", NETWORKING, namespace, name, spec, mesh=mesh)


def versions(namespace: str, *names: str, connections: int = 11, mesh: str = MESH) -> Artifact:
    """A DestinationRule with these subsets."""
    subsets = [{"name": name, "labels": {"version": name}} for name in names]
    limits = {"connectionPool": {"tcp": {"maxConnections": connections}}}
    spec = {"host": naming.host(namespace, "web", "cluster.local"), "subsets": subsets, "trafficPolicy": limits}
    return manifest("DestinationRule", NETWORKING, namespace, "web", spec, mesh=mesh)


def route_to(namespace: str, subset: str, *, mesh: str = MESH, **more: Any) -> Artifact:
    """A VirtualService that names a subset."""
    host = naming.host(namespace, "web", "cluster.local")
    spec = {"hosts": [host], "http": [{"route": [{"destination": {"host": host, "subset": subset}}]}], **more}
    return manifest("VirtualService", NETWORKING, namespace, "web", spec, mesh=mesh)


def fault(namespace: str, name: str = "slow", *, expires: str, mesh: str = MESH) -> Artifact:
    """An EnvoyFilter with a last day."""
    spec = {"workloadSelector": {"labels": {"app": name}}}
    annotations = {naming.ANNOTATION_EXPIRES: expires}
    api = "networking.istio.io/v1alpha3"
    return manifest("EnvoyFilter", api, namespace, name, spec, mesh=mesh, annotations=annotations)


def config_map(namespace: str, name: str = "limits", *, text: str = "domain: edge\n", mesh: str = MESH) -> Artifact:
    return manifest("ConfigMap", "v1", namespace, name, {"config.yaml": text}, mesh=mesh, content="data")


def peer_authentication(namespace: str, name: str = "web", *, mesh: str = MESH) -> Artifact:
    return manifest("PeerAuthentication", SECURITY, namespace, name, {"mtls": {"mode": "STRICT"}}, mesh=mesh)


def authorization_policy(namespace: str, name: str = "web", *, mesh: str = MESH) -> Artifact:
    return manifest("AuthorizationPolicy", SECURITY, namespace, name, {"action": "ALLOW"}, mesh=mesh)


def prometheus_rule(namespace: str, name: str = "web", *, mesh: str = MESH) -> Artifact:
    rule = {"record": "service:istio_requests:rate5m", "expr": "vector(12)"}
    spec = {"groups": [{"name": name, "rules": [rule]}]}
    return manifest("PrometheusRule", MONITORING, namespace, name, spec, mesh=mesh)


def one_of_each(namespace: str, *, mesh: str = MESH) -> tuple[Artifact, ...]:
    """Five objects, in an order that is not the one they are published in."""
    return (
        virtual_service(namespace, mesh=mesh),
        prometheus_rule(namespace, mesh=mesh),
        authorization_policy(namespace, mesh=mesh),
        destination_rule(namespace, mesh=mesh),
        peer_authentication(namespace, mesh=mesh),
    )


def every_kind(namespace: str, *, mesh: str = MESH) -> tuple[Artifact, ...]:
    """An object of every kind that a pack may hold, policies for all beside those of a service."""

    def made(kind: str, api: str, name: str, spec: Any) -> Artifact:
        return manifest(kind, api, namespace, name, spec, mesh=mesh)

    issuer = {"name": "ca", "kind": "ClusterIssuer"}
    server = {"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "hosts": ["shop.example.com"]}
    listener = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
    grant = {"from": [{"group": GATEWAY_API, "kind": "HTTPRoute", "namespace": "edge"}]}
    outside = {"hosts": ["api.example.com"], "ports": [{"number": 443, "name": "tls", "protocol": "TLS"}]}
    return (
        *one_of_each(namespace, mesh=mesh),
        authorization_policy(namespace, "default-deny", mesh=mesh),
        peer_authentication(namespace, "default", mesh=mesh),
        config_map(namespace, mesh=mesh),
        made("Telemetry", "telemetry.istio.io/v1", "web", {"metrics": [{"providers": [{"name": "prometheus"}]}]}),
        made("Certificate", "cert-manager.io/v1", "edge", {"secretName": "edge", "issuerRef": issuer}),
        made("ServiceEntry", NETWORKING, "outside", {**outside, "resolution": "DNS"}),
        made("Sidecar", NETWORKING, "web", {"egress": [{"hosts": ["./*"]}]}),
        fault(namespace, expires="2999-12-31", mesh=mesh),
        made("Gateway", NETWORKING, "edge", {"selector": {"istio": "ingressgateway"}, "servers": [server]}),
        made("Gateway", f"{GATEWAY_API}/v1", "waypoint", {"gatewayClassName": "w", "listeners": [listener]}),
        made("ReferenceGrant", f"{GATEWAY_API}/v1beta1", "edge", {**grant, "to": [{"group": "", "kind": "Service"}]}),
        made("HTTPRoute", f"{GATEWAY_API}/v1", "web", {"parentRefs": [{"name": "waypoint"}]}),
    )
