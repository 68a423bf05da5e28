"""What is wrong at a moment: with services, with the links between them, with what reports about them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from observe.model import Service
    from observe.simulation.traffic import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCondition:
    """What is wrong with a service."""

    errors: float = 0
    """Share of its requests that the application fails."""
    code: str = "500"
    """With which HTTP code; gRPC says UNAVAILABLE."""
    delay: float = 0
    """Milliseconds that it takes longer."""
    bad_instances: int = 0
    """Instances that fail everything."""
    gone: bool = False
    """No instance is left."""
    without_proxy: bool = False
    """Its pods run without a sidecar."""
    demand: float = 1
    """So many times the requests that its callers usually send it."""
    pool: int | None = None
    """The requests in flight that a caller may have, where somebody set the limit anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCondition:
    """What is wrong between a caller and a service."""

    plaintext: bool = False
    """The caller's connections are not encrypted, and the callee takes them."""
    refused: bool = False
    """The callee takes encrypted connections only, and the caller has none."""
    denied: float = 0
    """Share of the requests that the callee's authorization policy denies."""
    demand: float = 1
    """So many times the usual requests."""
    retries: int | None = None
    """Tries after the first, where somebody set them anew, for whatever fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshCondition:
    """What is wrong with the mesh itself."""

    demand: float = 1
    """So many times the usual requests from outside."""
    control_plane_down: bool = False
    """istiod is there, and answers nobody."""
    rejected_pushes: bool = False
    """Proxies refuse what istiod sends."""
    failed_pushes: bool = False
    """istiod cannot send."""
    convergence: float = 0.2
    """Seconds that a change takes to reach the proxies."""
    failed_injections: bool = False
    """The webhook that injects sidecars fails."""
    authority_expires: int | None = None
    """Seconds that the certificate authority's own certificate has left."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Everything that is wrong at a moment; nothing by default."""

    services: Mapping[str, ServiceCondition] = field(default_factory=dict)
    """By service id."""
    links: Mapping[tuple[str, str], LinkCondition] = field(default_factory=dict)
    """By `Link.key`."""
    mesh: MeshCondition = MeshCondition()
    blocked: frozenset[str] = frozenset()
    """Ids of services that dial hosts that nobody declared."""

    def of(self, service: str) -> ServiceCondition:
        return self.services.get(service, ServiceCondition())

    def between(self, key: tuple[str, str]) -> LinkCondition:
        return self.links.get(key, LinkCondition())


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One thing that an incident does, from one of its minutes to another."""

    begin: float = 0
    """Minutes after the incident begins."""
    end: float | None = None
    """Minutes after the incident begins; the incident's end when absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnService(Effect):
    service: str
    condition: ServiceCondition


@dataclass(frozen=True, slots=True, kw_only=True)
class OnLink(Effect):
    key: tuple[str, str]
    condition: LinkCondition


@dataclass(frozen=True, slots=True, kw_only=True)
class OnMesh(Effect):
    condition: MeshCondition


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedEgress(Effect):
    """A service dials a host that nobody declared, where only declared hosts can be reached."""

    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unscraped(Effect):
    """Scrapes of a service's pods fail."""

    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Blind(Effect):
    """Prometheus scrapes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRenewed(Effect):
    """The certificates of a service's pods are not renewed, and have an hour left when it begins."""

    service: str


def on(service: Service, begin: float = 0, end: float | None = None, **condition: Any) -> OnService:
    """Something that is wrong with a service; the condition's fields by name."""
    return OnService(service=service.id, condition=ServiceCondition(**condition), begin=begin, end=end)


def between(link: Link, begin: float = 0, end: float | None = None, **condition: Any) -> OnLink:
    """Something that is wrong on a link; the condition's fields by name."""
    return OnLink(key=link.key, condition=LinkCondition(**condition), begin=begin, end=end)


def together(effects: Iterable[Effect]) -> Conditions:
    """What several effects amount to at a moment when all of them hold."""
    services: dict[str, ServiceCondition] = {}
    links: dict[tuple[str, str], LinkCondition] = {}
    mesh, blocked = MeshCondition(), set[str]()
    for effect in effects:
        match effect:
            case OnService():
                services[effect.service] = _merged(services.get(effect.service), effect.condition)
            case OnLink():
                links[effect.key] = _merged(links.get(effect.key), effect.condition)
            case OnMesh():
                mesh = _merged(mesh, effect.condition)
            case BlockedEgress():
                blocked.add(effect.service)
    return Conditions(services, links, mesh, frozenset(blocked))


def _merged(before: Any, condition: Any) -> Any:
    """A condition, and what another one changes of it."""
    if before is None:
        return condition
    usual = type(condition)()
    names = (one.name for one in fields(condition) if getattr(condition, one.name) != getattr(usual, one.name))
    return replace(before, **{name: getattr(condition, name) for name in names})
