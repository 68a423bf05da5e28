"""MeshConfig: what holds for every proxy. `istioctl` and Helm take it alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe import telemetry
from observe.istio.telemetry.tracing import PROVIDER
from observe.provenance import Origin, Sourced, of_mesh

if TYPE_CHECKING:
    from observe.istio.metadata import Manifest
    from observe.model import Inventory, Mesh


def mesh_config(inventory: Inventory) -> Manifest:
    """Identities, outbound traffic, logs, spans, and what proxies report."""
    mesh = inventory.mesh
    relied = Origin("Istio's default; the policies rely on it: callers with a proxy speak mutual TLS by themselves")
    return {
        "rootNamespace": Sourced(mesh.root_namespace, of_mesh("root_namespace")),
        "trustDomain": Sourced(mesh.trust_domain, of_mesh("trust_domain")),
        **_aliases(mesh),
        "enableAutoMtls": Sourced(True, relied),
        "outboundTrafficPolicy": {
            "mode": Sourced(mesh.installation.outbound_policy, of_mesh("installation", "outbound_policy"))
        },
        **_access_log(mesh),
        "defaultProviders": {"metrics": Sourced(["prometheus"], Origin("where panels and alerts read from"))},
        **_tracing(mesh),
        "defaultConfig": _proxies(inventory),
    }


def _aliases(mesh: Mesh) -> Manifest:
    aliases = list(mesh.trust_domain_aliases)
    return {"trustDomainAliases": Sourced(aliases, of_mesh("trust_domain_aliases"))} if aliases else {}


def _access_log(mesh: Mesh) -> Manifest:
    wanted, origin = mesh.installation.access_log, of_mesh("installation", "access_log")
    if wanted == "off":
        return {"accessLogFile": Sourced("", origin)}
    return {"accessLogFile": Sourced("/dev/stdout", origin), "accessLogEncoding": Sourced("JSON", origin)}


def _tracing(mesh: Mesh) -> Manifest:
    """The collector. Which requests are traced is said by a Telemetry resource, which needs no restart."""
    tracing = mesh.installation.tracing
    if tracing is None:
        return {}
    collector = {
        "service": Sourced(tracing.service, of_mesh("installation", "tracing", "service")),
        "port": Sourced(tracing.port, of_mesh("installation", "tracing", "port")),
    }
    name = Sourced(PROVIDER, Origin("what the Telemetry resource calls it"))
    return {"extensionProviders": [{"name": name, "opentelemetry": collector}]}


def _proxies(inventory: Inventory) -> Manifest:
    expressions = list(telemetry.stats_matcher(inventory))
    read = Origin("what alerts and panels on circuit breakers read; proxies export none of it unasked")
    matcher = {"proxyStatsMatcher": {"inclusionRegexps": Sourced(expressions, read)}}
    if inventory.mesh.data_plane == "ambient":
        return matcher
    first = Origin("an application that calls others while it starts would fail without its proxy")
    return {"holdApplicationUntilProxyStarts": Sourced(True, first), **matcher}
