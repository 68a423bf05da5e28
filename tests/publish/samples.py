"""Small artifacts as a pack holds them: with the labels, tags and hashes that publishing reads."""

from __future__ import annotations

import json
from typing import Any

import yaml

from observe import naming
from observe.artifact import Artifact, Identity, Kind

MESH = "shop"
FOLDER = "Shop Mesh"
NETWORKING, SECURITY = "networking.istio.io/v1", "security.istio.io/v1"
MONITORING = "monitoring.coreos.com/v1"


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


def manifest(kind: str, api: str, namespace: str, name: str, spec: Any, *, mesh: str = MESH) -> Artifact:
    """A Kubernetes object of the pack."""
    metadata: dict[str, Any] = {"name": name, "namespace": namespace, "labels": naming.labels(mesh)}
    body = {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}
    digest = naming.digest(json.dumps(body).encode())
    metadata["annotations"] = {naming.ANNOTATION_HASH: digest}
    content = yaml.safe_dump(body, sort_keys=False).encode()
    path = naming.manifest_path(namespace, name, kind)
    return Artifact(Kind.MANIFEST, path, content, digest, Identity(api, kind, namespace, name))


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
