"""Incidents of what runs and watches the mesh: istiod, and what Prometheus gets to see."""

from __future__ import annotations

from typing import Final

from observe.simulation.cast import Cast, Impossible, need
from observe.simulation.conditions import Blind, MeshCondition, OnMesh, Unscraped
from observe.simulation.incident import Scene, plan
from observe.simulation.incidents_of_requests import NOBODY_CALLS


@plan("exporter-stopped", "Scrapes of a service fail")
def exporter_stopped(cast: Cast) -> Scene:
    """The agents of a service's pods answer no scrapes, while its requests go on."""
    if not cast.sidecars:
        raise Impossible("pods of an ambient mesh have no agent of their own that is scraped")
    service = need(cast.busiest(), NOBODY_CALLS)
    story = f"A NetworkPolicy keeps Prometheus from the pods of {service.name}; requests go on."
    alerts = (("ServiceTelemetryLost", service.id),)
    return Scene(story=story, services=(service,), effects=(Unscraped(service=service.id),), alerts=alerts)


@plan("prometheus-blind", "Prometheus sees nothing")
def prometheus_blind(cast: Cast) -> Scene:  # noqa: ARG001 - it may happen to every mesh
    """Prometheus scrapes nothing at all: its service discovery is broken."""
    story = "A change of Prometheus' configuration drops every target; the mesh itself is well."
    return Scene(story=story, effects=(Blind(),), alerts=(("MeshTelemetryLost", ""),))


@plan("control-plane-down", "The control plane is down")
def control_plane_down(cast: Cast) -> Scene:  # noqa: ARG001
    """No istiod answers anybody; proxies go on with what they have."""
    story = "Every istiod is out of memory and restarts in a loop."
    return _of_mesh(story, MeshCondition(control_plane_down=True), "ControlPlaneDown")


@plan("configuration-rejected", "Proxies refuse their configuration")
def configuration_rejected(cast: Cast) -> Scene:  # noqa: ARG001
    """Proxies refuse what istiod sends, and keep what they have."""
    story = "An EnvoyFilter that no proxy understands is applied."
    return _of_mesh(story, MeshCondition(rejected_pushes=True), "ControlPlaneConfigurationRejected")


@plan("pushes-failing", "Configuration cannot be sent")
def pushes_failing(cast: Cast) -> Scene:  # noqa: ARG001
    """The control plane fails to send its pushes."""
    story = "A firewall cuts long connections between proxies and istiod."
    return _of_mesh(story, MeshCondition(failed_pushes=True), "ControlPlanePushFailing")


@plan("convergence-slow", "Changes reach proxies late")
def convergence_slow(cast: Cast) -> Scene:  # noqa: ARG001
    """A change takes 25 seconds to reach the proxies."""
    story = "The control plane is throttled, and a change takes 25 seconds to reach the proxies."
    return _of_mesh(story, MeshCondition(convergence=25), "ControlPlaneConvergenceSlow")


@plan("injection-failing", "Sidecars are not injected")
def injection_failing(cast: Cast) -> Scene:
    """The webhook that injects sidecars fails."""
    if not cast.sidecars:
        raise Impossible("an ambient mesh injects no sidecars")
    story = "The injection template was edited, and fails for every pod."
    return _of_mesh(story, MeshCondition(failed_injections=True), "SidecarInjectionFailing")


def _of_mesh(story: str, condition: MeshCondition, alert: str) -> Scene:
    return Scene(story=story, effects=(OnMesh(condition=condition),), alerts=((alert, ""),))


OF_MESH: Final = (
    exporter_stopped,
    prometheus_blind,
    control_plane_down,
    configuration_rejected,
    pushes_failing,
    convergence_slow,
    injection_failing,
)
