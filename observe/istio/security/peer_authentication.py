"""PeerAuthentication: whether proxies accept plaintext. For a service, a namespace, or the whole mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe.istio.metadata import Manifest, manifest
from observe.istio.security.encryption import past_proxy, scraped_in_plaintext
from observe.model import Namespace
from observe.naming import ANNOTATION_REASON, DEFAULT_POLICY
from observe.provenance import Sourced, declared, of_mesh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Inventory, MtlsDefault, MtlsMode, Path, Service

KIND: Final = "PeerAuthentication"
API_VERSION: Final = "security.istio.io/v1"


@dataclass(frozen=True, slots=True)
class PortMode:
    """A container port where something else holds than for the rest of the service."""

    port: int
    mode: Sourced[MtlsMode]
    reason: str
    """Why, for the object's annotation; empty when nobody wrote one."""


def peer_authentication(inventory: Inventory, service: Service) -> Manifest | None:
    """The service's own mode, which does not depend on what holds around it; None for services without a proxy.

    Its exception is limited to ports where that was asked for, and wherever a single port is the reason. Ports are
    the container's: Istio ignores any other.
    """
    if not service.in_mesh:
        return None
    mode = _whole(service)
    ports = port_modes(inventory, service)
    labels = Sourced(dict(service.selector), declared(inventory, service, "labels", why="the service's pods"))
    whole = declared(inventory, service, "mtls", "mode")
    if mode != service.mtls.mode:
        whole = declared(inventory, service, "mtls", "ports", why="the exception is limited to ports")
    spec: Manifest = {"selector": {"matchLabels": labels}, "mtls": {"mode": Sourced(mode, whole)}}
    if ports:
        spec["portLevelMtls"] = {str(one.port): {"mode": one.mode} for one in ports}
    return _object(inventory, service.namespace, service.name, spec, _reasons(inventory, service, mode, ports))


def modes(inventory: Inventory, service: Service) -> tuple[MtlsMode, tuple[tuple[int, MtlsMode], ...]]:
    """What the service's PeerAuthentication says: of the whole, and of single ports."""
    ports = port_modes(inventory, service)
    return _whole(service), tuple((one.port, one.mode.value) for one in ports)


def _whole(service: Service) -> MtlsMode:
    """What holds where nothing is said about a port."""
    return "STRICT" if service.mtls.ports else service.mtls.mode


def port_modes(inventory: Inventory, service: Service) -> tuple[PortMode, ...]:
    """The ports where something else holds than for the rest, by number."""
    found: dict[int, PortMode] = {}
    for mode in (*_declared(inventory, service), *_scraped(inventory, service), *_past_proxy(inventory, service)):
        found[mode.port] = mode
    return tuple(found[port] for port in sorted(found) if found[port].mode.value != _whole(service))


def _declared(inventory: Inventory, service: Service) -> Iterator[PortMode]:
    origin = declared(inventory, service, "mtls", "mode")
    for port in service.mtls.ports:
        yield PortMode(port, Sourced(service.mtls.mode, origin), service.mtls.reason or "")


def _scraped(inventory: Inventory, service: Service) -> Iterator[PortMode]:
    metrics = scraped_in_plaintext(inventory.mesh, service)
    if metrics and service.mtls.on(metrics.port) == "STRICT":
        why = f"Prometheus scrapes port {metrics.port} without a certificate"
        yield PortMode(
            metrics.port, Sourced("PERMISSIVE", declared(inventory, service, "metrics", "port", why=why)), why
        )


def _past_proxy(inventory: Inventory, service: Service) -> Iterator[PortMode]:
    """Callers' proxies would speak mTLS to the application itself, unless they see that the port takes none."""
    for port in service.ports:
        if past_proxy(inventory.mesh, service, port.container_port):
            why = f"port {port.container_port} goes past the proxy, so callers must not encrypt"
            origin = declared(inventory, service, "excluded_ports", "inbound", why=why)
            yield PortMode(port.container_port, Sourced("DISABLE", origin), why)


def _reasons(
    inventory: Inventory, service: Service, mode: MtlsMode, ports: tuple[PortMode, ...]
) -> Sourced[str] | None:
    own = service.mtls.reason if mode != "STRICT" else None
    texts = dict.fromkeys(text for text in (own, *(one.reason for one in ports)) if text)
    if not texts:
        return None
    origin = declared(inventory, service, "mtls", "reason") if service.mtls.reason in texts else ports[0].mode.origin
    return Sourced("; ".join(texts), origin)


def namespace_peer_authentication(inventory: Inventory, namespace: str) -> Manifest | None:
    """What holds for a namespace's workloads that say nothing of their own, also those in no inventory. None for the
    root namespace, where it would hold for the whole mesh (OBS121).
    """
    chosen = inventory.mesh.namespaces.get(namespace, Namespace()).mtls
    if chosen is None or namespace == inventory.mesh.root_namespace:
        return None
    return _default(inventory, namespace, chosen, ("namespaces", namespace, "mtls"))


def mesh_peer_authentication(inventory: Inventory) -> Manifest | None:
    """What holds where neither workload nor namespace say anything: without a selector, in the root namespace."""
    chosen = inventory.mesh.mtls
    return _default(inventory, inventory.mesh.root_namespace, chosen, ("mtls",)) if chosen else None


def _default(inventory: Inventory, namespace: str, chosen: MtlsDefault, below: Path) -> Manifest:
    spec: Manifest = {"mtls": {"mode": Sourced(chosen.mode, of_mesh(*below, "mode"))}}
    excepted = chosen.mode != "STRICT" and chosen.reason
    reason = Sourced(str(chosen.reason), of_mesh(*below, "reason")) if excepted else None
    return _object(inventory, namespace, DEFAULT_POLICY, spec, reason)


def _object(inventory: Inventory, namespace: str, name: str, spec: Manifest, reason: Sourced[str] | None) -> Manifest:
    annotations = {ANNOTATION_REASON: reason} if reason else None
    return manifest(inventory.mesh, API_VERSION, KIND, namespace, name, spec, annotations)
