"""Grants as the rules of an AuthorizationPolicy: identities with the same rights share one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from observe.istio.security.operations import ANY
from observe.provenance import Origin, Sourced, declared, of_mesh

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from observe.istio.metadata import Manifest
    from observe.istio.security.grants import Grant
    from observe.istio.security.operations import Operation
    from observe.model import Inventory, Port, Service

Enforcer: TypeAlias = Literal["sidecar", "ztunnel", "waypoint"]
"""Whom a policy is written for.

Sidecars and ztunnel stand before the pod and see the container's port; to a waypoint requests come as they were
dialled, with the Service's (istio `pilot/pkg/networking/core/listener_waypoint.go`). Ztunnel knows no requests: it
drops a rule with methods or paths, and then refuses everybody. Nor does it know aliases of the trust domain
(istio `pilot/pkg/serviceregistry/ambient/authorization.go`), which Envoy's configuration has already.
"""

Rights: TypeAlias = "dict[Port, dict[Operation, Grant]]"


def rules(inventory: Inventory, service: Service, found: Iterable[Grant], enforcer: Enforcer) -> list[Manifest]:
    """The rules for what is granted, sorted by identity; who comes without one stands last, and apart.

    What names methods or paths shares no rule with what does not: on a TCP connection Istio drops the whole rule
    for one such operation (istio `pilot/pkg/security/authz/model/model.go`), and with it the ports that need none.
    """
    alike: dict[tuple[bool, frozenset[tuple[Port, Operation]]], dict[str | None, Rights]] = {}
    for name, rights in _sorted(_rights(found, enforcer)):
        for part in filter(None, (_opaque(rights), _of_requests(rights))):
            content = frozenset((port, operation) for port, done in part.items() for operation in done)
            alike.setdefault((name is None, content), {})[name] = part
    return [
        {
            "from": [{"source": _source(inventory, admitted, enforcer)}],
            "to": [
                {"operation": one} for one in _operations(inventory, service, next(iter(admitted.values())), enforcer)
            ],
        }
        for admitted in alike.values()
    ]


def _rights(found: Iterable[Grant], enforcer: Enforcer) -> dict[str | None, Rights]:
    """By identity and port. Services with one account share an identity, and so their rights."""
    rights: dict[str | None, Rights] = {}
    for grant in found:
        done = rights.setdefault(grant.principal, {}).setdefault(grant.port, {})
        operation = ANY if enforcer == "ztunnel" else grant.operation
        if operation == ANY and ANY not in done:
            done.clear()
        if ANY not in done:
            done.setdefault(operation, grant)
    return rights


def _sorted(rights: Mapping[str | None, Rights]) -> list[tuple[str | None, Rights]]:
    return sorted(rights.items(), key=lambda item: (item[0] is None, item[0] or ""))


def _opaque(rights: Rights) -> Rights:
    return {port: done for port, done in rights.items() if ANY in done}


def _of_requests(rights: Rights) -> Rights:
    return {port: done for port, done in rights.items() if ANY not in done}


def _source(inventory: Inventory, admitted: Mapping[str | None, Rights], enforcer: Enforcer) -> Manifest:
    """Only the negative field fits who has no certificate, and fits nobody else."""
    if None in admitted:
        return {"notPrincipals": Sourced(["*"], _who(admitted[None]))}
    named = [(name, _who(rights)) for name, rights in admitted.items() if name]
    aliases = _aliases(inventory, named) if enforcer == "ztunnel" else ()
    return {"principals": [*(Sourced(name, who) for name, who in named), *aliases]}


def _who(rights: Rights) -> Origin:
    return next(grant.who for done in rights.values() for grant in done.values())


def _aliases(inventory: Inventory, named: Iterable[tuple[str, Origin]]) -> Iterator[Sourced[str]]:
    domain = f"{inventory.mesh.trust_domain}/"
    for index, alias in enumerate(inventory.mesh.trust_domain_aliases):
        origin = of_mesh("trust_domain_aliases", index, why="the same identity by another name")
        yield from (
            Sourced(f"{alias}/{name.removeprefix(domain)}", origin) for name, _ in named if name.startswith(domain)
        )


def _operations(inventory: Inventory, service: Service, rights: Rights, enforcer: Enforcer) -> Iterator[Manifest]:
    """Port by port: HTTP fields never match on a TCP port, so ports are not mixed."""
    for port in (*service.ports, *(port for port in rights if port not in service.ports)):
        yield from _on(_number(inventory, service, port, enforcer), rights.get(port, {}))


def _number(inventory: Inventory, service: Service, port: Port, enforcer: Enforcer) -> Sourced[list[str]]:
    if port not in service.ports:
        origin = declared(inventory, service, "metrics", "port", why="the container's port")
        return Sourced([str(port.container_port)], origin)
    index = service.ports.index(port)
    if enforcer == "waypoint":
        origin = declared(inventory, service, "ports", index, "number", why="the Service's port: a waypoint sees it")
        return Sourced([str(port.number)], origin)
    below = ("target_port",) if port.target_port else ("number",)
    origin = declared(inventory, service, "ports", index, *below, why="the container's port")
    return Sourced([str(port.container_port)], origin)


def _on(ports: Sourced[list[str]], done: Mapping[Operation, Grant]) -> Iterator[Manifest]:
    """What may be done on one port: methods with the same rights stand apart, as their paths differ."""
    by_method: dict[str, dict[str, Origin]] = {}
    for operation, grant in done.items():
        if operation == ANY:
            yield {"ports": ports}
        else:
            by_method.setdefault(operation.method or "", {})[operation.path or ""] = grant.what
    for method, paths in sorted(by_method.items()):
        operation_: Manifest = {"ports": ports}
        if method:
            operation_["methods"] = Sourced([method], next(iter(paths.values())))
        operation_["paths"] = [Sourced(path, origin) for path, origin in sorted(paths.items())]
        yield operation_
