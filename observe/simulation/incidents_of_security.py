"""Incidents of encryption and admission: plaintext, denials, blocked hosts, certificates, STRICT too early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.simulation.cast import Cast, Impossible, need
from observe.simulation.conditions import BlockedEgress, MeshCondition, NotRenewed, OnMesh, between, on
from observe.simulation.incident import Scene, plan
from observe.simulation.incidents_of_requests import NOBODY_CALLS

if TYPE_CHECKING:
    from observe.model import Service

NO_LINK: Final = "no service with a proxy is called by another one in requests that a proxy reports"
LOW_COVERAGE: Final = 0.1
"""Share of plaintext that clearly is too much."""


@plan("plaintext", "A caller speaks plaintext")
def plaintext(cast: Cast) -> Scene:
    """A caller's connections are not encrypted any more, and its callee takes them."""
    inside = [link for link in cast.inside if link.service.mtls.mode != "DISABLE"]
    if not inside:
        raise Impossible(NO_LINK)
    link = inside[0]
    story = f"A DestinationRule turns off TLS from {link.key[0]} to {link.service.name}, which takes both for now."
    alerts = [("ServicePlaintextCaller", link.service.id)]
    if cast.share(link) > LOW_COVERAGE:
        alerts.append(("ServiceMtlsCoverageLow", link.service.id))
    return Scene(story=story, services=(link.service,), effects=(between(link, plaintext=True),), alerts=tuple(alerts))


@plan("requests-denied", "An authorization policy denies a caller")
def requests_denied(cast: Cast) -> Scene:
    """A service's authorization policy denies the requests of a caller that it had let in."""
    inside = [link for link in cast.inside if link.awaited and link.service.authorization == "enforce"]
    if not inside:
        raise Impossible(NO_LINK)
    link = inside[0]
    story = f"{link.key[0]} runs under a new service account, which {link.service.name} does not know."
    alerts = (("ServiceRequestsDenied", link.service.id),) if cast.sidecars else ()
    return Scene(story=story, services=(link.service,), effects=(between(link, denied=1.0),), alerts=alerts)


@plan("egress-blocked", "A service calls a host that nobody declared")
def egress_blocked(cast: Cast) -> Scene:
    """A release calls a host outside the cluster that nobody declared, where only declared ones can be reached."""
    mesh = cast.inventory.mesh
    if mesh.installation.outbound_policy != "REGISTRY_ONLY":
        raise Impossible("the mesh lets everything out (outbound_policy ALLOW_ANY)")
    if not cast.sidecars:
        raise Impossible("ztunnel lets everything out, whatever the outbound policy")
    service = need(cast.busiest(), NOBODY_CALLS)
    story = f"A release of {service.name} asks a provider whose host nobody declared."
    alerts = (("ServiceEgressBlocked", service.id),)
    return Scene(story=story, services=(service,), effects=(BlockedEgress(service=service.id),), alerts=alerts)


@plan("certificate", "Certificates of a service are not renewed")
def certificate(cast: Cast) -> Scene:
    """The certificates of a service's pods have an hour left, since none were issued for most of a day."""
    if not cast.sidecars:
        raise Impossible("ztunnel does not report when certificates expire")
    service = need(cast.busiest(), NOBODY_CALLS)
    story = f"The pods of {service.name} have not reached istiod for 23 hours; their certificates have one hour left."
    alerts = (("MeshWorkloadCertificateExpiring", ""),)
    return Scene(story=story, services=(service,), effects=(NotRenewed(service=service.id),), alerts=alerts, lasts=40)


@plan("authority-certificate", "The certificate authority expires")
def authority_certificate(cast: Cast) -> Scene:  # noqa: ARG001 - it may happen to every mesh
    """The certificate that istiod signs with has five days left."""
    story = "An intermediate certificate with five days left is installed as istiod's authority."
    effects = (OnMesh(condition=MeshCondition(authority_expires=5 * 86_400)),)
    return Scene(story=story, effects=effects, alerts=(("MeshCaCertificateExpiring", ""),))


@plan("strict-too-early", "STRICT before all have sidecars")
def strict_too_early(cast: Cast) -> Scene:
    """The whole mesh takes encrypted connections only, while some callers have no sidecar: what they send never
    arrives, and nobody in the mesh reports it. They fail, and with them whoever waits for them.
    """
    if not cast.sidecars:
        raise Impossible("an ambient mesh has no sidecars that could be missing")
    outsiders = {
        link.origin.id: link.origin
        for link in cast.traffic.links
        if link.origin and not link.origin.in_mesh and link.service.in_mesh and cast.waiting(link.origin)
    }
    if outsiders:
        return _refused(cast, tuple(outsiders[name] for name in sorted(outsiders)))
    calling = {link.key[0] for link in cast.inside if link.awaited}
    service = cast.busiest(lambda service: service.id in calling)
    return _refused(cast, (need(service, "no service that is called calls another one"),))


def _refused(cast: Cast, callers: tuple[Service, ...]) -> Scene:
    """The callers have no sidecar, or none any more: their requests are refused wherever there is one."""
    names = {service.id for service in callers}
    lost = tuple(on(service, without_proxy=True) for service in callers if service.in_mesh)
    refused = (
        between(link, refused=True) for link in cast.traffic.links if link.key[0] in names and link.service.in_mesh
    )
    listed = ", ".join(service.name for service in callers[:3]) + (" and others" if len(callers) > 3 else "")
    how = "came back from a rollout without sidecars" if lost else "have no sidecars yet"
    story = f"The mesh becomes STRICT while the pods of {listed} {how}: what they send is refused."
    return Scene(story=story, services=callers, effects=(*lost, *refused), lasts=30)


OF_SECURITY: Final = (plaintext, requests_denied, egress_blocked, certificate, authority_certificate, strict_too_early)
