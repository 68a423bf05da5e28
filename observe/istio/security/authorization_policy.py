"""AuthorizationPolicy: only declared callers, on the declared ports, with the declared operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.istio.gateways.waypoint import decided
from observe.istio.metadata import Manifest, manifest
from observe.istio.security.authorization_rules import rules
from observe.istio.security.encryption import plaintext_ports, ports_in_words
from observe.istio.security.grants import Grant, grants
from observe.istio.security.operations import ANY
from observe.model import Namespace
from observe.naming import ANNOTATION_REASON, DEFAULT_DENY, WAYPOINT, principal
from observe.provenance import Origin, Sourced, declared, of_mesh

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from observe.graph import Graph
    from observe.istio.security.authorization_rules import Enforcer
    from observe.model import Inventory, Service

KIND: Final = "AuthorizationPolicy"
API_VERSION: Final = "security.istio.io/v1"
ANNOTATION_DRY_RUN: Final = "istio.io/dry-run"


def authorization_policies(graph: Graph, service: Service) -> Iterator[Manifest]:
    """The ALLOW policies of a service; without any caller they have no rules, which denies everybody. None for a
    service without a proxy.

    In a namespace with a waypoint there are two: the waypoint's, which knows requests and is attached to the
    Service, since waypoints heed no selectors (istio `pilot/pkg/model/policyattachment.go`); and ztunnel's, which
    lets nobody go around it.
    """
    mesh = graph.inventory.mesh
    if not service.in_mesh:
        return
    found = grants(graph, service)
    if mesh.has_waypoint(service.namespace):
        through = (grant for grant in found if grant.way != "past")
        yield _policy(graph.inventory, service, "waypoint", through, f"{service.name}-waypoint")
        around = (*_of_waypoint(graph.inventory, service), *(grant for grant in found if grant.way != "waypoint"))
        yield _policy(graph.inventory, service, "ztunnel", around, f"{service.name}-ztunnel")
    else:
        enforcer: Enforcer = "ztunnel" if mesh.data_plane == "ambient" else "sidecar"
        yield _policy(graph.inventory, service, enforcer, found, service.name)
    if service.authorization == "dry-run" and denies_by_default(graph.inventory, service.namespace):
        yield _for_everybody(graph.inventory, service)


def default_deny(inventory: Inventory, namespace: str) -> Manifest | None:
    """The policy that a namespace's workloads fall under which no other selects: it has no rule, so it admits nobody.

    None for the root namespace, where it would hold for the whole mesh (OBS121).
    """
    mesh = inventory.mesh
    if not denies_by_default(inventory, namespace) or namespace == mesh.root_namespace:
        return None
    why = "without a rule nobody is admitted whom no other policy admits"
    spec: Sourced[Manifest] = Sourced({}, of_mesh("namespaces", namespace, "default_deny", why=why))
    return manifest(mesh, API_VERSION, KIND, namespace, DEFAULT_DENY, spec)


def denies_by_default(inventory: Inventory, namespace: str) -> bool:
    return inventory.mesh.namespaces.get(namespace, Namespace()).default_deny


def _policy(inventory: Inventory, service: Service, enforcer: Enforcer, found: Iterable[Grant], name: str) -> Manifest:
    admitted = tuple(found)
    spec = _of(inventory, service, enforcer)
    spec["action"] = Sourced("ALLOW", Origin("whom no rule names is refused"))
    if written := rules(inventory, service, admitted, enforcer):
        spec["rules"] = written
    annotations = {**_dry_run(inventory, service)}
    if enforcer != "waypoint" and (reason := _reason(inventory, service, admitted)):
        annotations[ANNOTATION_REASON] = Sourced(reason, declared(inventory, service, "mtls", "mode"))
    return manifest(inventory.mesh, API_VERSION, KIND, service.namespace, name, spec, annotations)


def _of(inventory: Inventory, service: Service, enforcer: Enforcer) -> Manifest:
    """What the policy is about."""
    if enforcer == "waypoint":
        target = {"kind": "Service", "group": "", "name": service.name}
        origin = Origin("a waypoint heeds only policies that are attached to the Service")
        return {"targetRefs": Sourced([target], origin)}
    labels = Sourced(dict(service.selector), declared(inventory, service, "labels", why="the service's pods"))
    return {"selector": {"matchLabels": labels}}


def _of_waypoint(inventory: Inventory, service: Service) -> Iterator[Grant]:
    """Ztunnel sees the waypoint as the caller of all that came through it."""
    name = principal(inventory.mesh.trust_domain, service.namespace, WAYPOINT)
    why = "requests to the Service come through the namespace's waypoint"
    who = decided(inventory.mesh, service.namespace, why)
    for port in service.ports:
        yield Grant(name, port, ANY, who, who, "past")


def _dry_run(inventory: Inventory, service: Service) -> dict[str, Sourced[str]]:
    """Envoy then only counts what it would have refused (istio `pilot/pkg/security/authz/builder/builder.go`)."""
    if service.authorization != "dry-run":
        return {}
    return {ANNOTATION_DRY_RUN: Sourced("true", declared(inventory, service, "authorization"))}


def _for_everybody(inventory: Inventory, service: Service) -> Manifest:
    """Policies in a dry run refuse nobody, and admit nobody either: the namespace's policy would refuse everybody."""
    why = "a dry run refuses nobody, also where the namespace denies by default"
    spec = _of(inventory, service, "ztunnel")
    spec["action"] = Sourced("ALLOW", Origin(why))
    spec["rules"] = Sourced([{}], declared(inventory, service, "authorization", why=why))
    return manifest(inventory.mesh, API_VERSION, KIND, service.namespace, f"{service.name}-dry-run", spec)


def _reason(inventory: Inventory, service: Service, admitted: Iterable[Grant]) -> str:
    """What becomes of requests without an identity, where encryption lets them through."""
    nameless = tuple(grant for grant in admitted if grant.principal is None)
    opened = {grant.port.container_port for grant in nameless}
    closed = plaintext_ports(inventory.mesh, service) - opened
    parts = []
    if opened:
        callers = ", ".join(dict.fromkeys(grant.who.why for grant in nameless))
        parts.append(f"{ports_in_words(opened)} is open to requests without an identity, whoever sends them: {callers}")
    if closed:
        parts.append(f"{ports_in_words(closed)} takes plaintext, but who comes without an identity is refused")
    return "; ".join(parts)
