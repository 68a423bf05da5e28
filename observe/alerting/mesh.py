"""Alerts of the mesh as a whole: its telemetry, certificates and control plane. They go to the mesh's own team."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe import naming, policy
from observe.alerting import told
from observe.alerting.alert import Alert, Group
from observe.alerting.conditions import above, below, is_missing
from observe.alerting.draft import HOLD, KEEP, Draft
from observe.promql import Binary, Number
from observe.signals.presence import REMEMBERED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.alerting.alert import Severity
    from observe.model import Mesh
    from observe.promql import Expr
    from observe.signals import Catalogue, Signal

ISTIOD: Final = "istiod"


def mesh_alerts(mesh: Mesh, signals: Catalogue) -> tuple[Group, ...]:
    """The alerts of the mesh."""
    rules = tuple(_addressed(mesh, signals, draft) for draft in _Author(mesh, signals).drafts())
    group = Group(f"{mesh.name}-mesh-alerts", mesh.prometheus.evaluation_interval, rules)
    return group.split(mesh.prometheus.rule_limits.rules_per_group)


@dataclass(frozen=True, slots=True)
class _Author:
    """Writes the alerts of the mesh."""

    mesh: Mesh
    signals: Catalogue

    def drafts(self) -> Iterator[Draft]:
        yield self._telemetry_lost()
        if self.mesh.data_plane == "sidecar":
            yield from self._workload_certificates()
        yield from self._authority()
        yield from self._control_plane()

    def _telemetry_lost(self) -> Draft:
        signal = self.signals.presence.mesh
        return Draft(
            "MeshTelemetryLost",
            "critical",
            "telemetry",
            self._missing(signal),
            signal,
            "Prometheus reads no proxy at all",
            ("Until it does, no alert on requests, connections or certificates can fire, and panels are empty.",),
        )

    def _workload_certificates(self) -> Iterator[Draft]:
        signal = self.signals.certificates.namespaces
        says = "a workload certificate in {{ $labels.namespace }} expires in {{ $value | humanizeDuration }}"
        why = "Certificates live 24 hours and are renewed after 12. Whoever has an expired one is refused by everybody."
        limits: tuple[tuple[Severity, policy.Threshold], ...] = (
            ("warning", policy.CERTIFICATE),
            ("critical", policy.CERTIFICATE_CRITICAL),
        )
        for severity, limit in limits:
            condition = below(signal.where(), limit)
            yield Draft("MeshWorkloadCertificateExpiring", severity, "security", condition, signal, says, (why,))

    def _authority(self) -> Iterator[Draft]:
        signal = self.signals.certificates.authority
        says = "the CA's {{ $labels.certificate }} certificate expires in {{ $value | humanizeDuration }}"
        why = "No certificate outlives the one it is signed with: all of the mesh stops then."
        limits: tuple[tuple[Severity, policy.Threshold], ...] = (
            ("warning", policy.AUTHORITY),
            ("critical", policy.AUTHORITY_CRITICAL),
        )
        for severity, limit in limits:
            condition = below(signal.where(), limit)
            yield Draft("MeshCaCertificateExpiring", severity, "security", condition, signal, says, (why,))

    def _control_plane(self) -> Iterator[Draft]:
        plane = self.signals.control_plane
        yield Draft(
            "ControlPlaneDown",
            "critical",
            "mesh",
            self._missing(plane.instances),
            plane.instances,
            "no istiod answers Prometheus",
            ("Proxies go on with what they have. New pods get no sidecar, no configuration and no certificate.",),
        )
        yield _happening(
            plane.rejects,
            "ControlPlaneConfigurationRejected",
            "proxies rejected {{ $value | humanize }} pushes of {{ $labels.type }} within ten minutes",
            "They go on with the configuration they had before.",
        )
        yield _happening(
            plane.push_errors,
            "ControlPlanePushFailing",
            "istiod failed {{ $value | humanize }} pushes within ten minutes ({{ $labels.type }})",
            "Some proxies go on with old configuration and old endpoints.",
        )
        yield Draft(
            "ControlPlaneConvergenceSlow",
            "warning",
            "mesh",
            above(plane.convergence.where(), policy.CONVERGENCE),
            plane.convergence,
            "a change takes {{ $value | humanizeDuration }} until 99% of the proxies have it",
            ("Pods that are gone are called for as long as that.",),
        )
        yield _happening(
            plane.injection_failures,
            "SidecarInjectionFailing",
            "{{ $value | humanize }} pods could not be given a sidecar within ten minutes",
            "Such pods are not created: roll-outs and replacements of these workloads stand still.",
        )

    def _missing(self, signal: Signal) -> Expr:
        among = self.mesh.prometheus.cluster_label is not None
        return is_missing(signal.where(), among_clusters=among, remembered=REMEMBERED)


def _happening(signal: Signal, name: naming.MeshAlert, says: str, why: str) -> Draft:
    """An alert on events of which there should be none."""
    return Draft(name, "warning", "mesh", Binary(">", signal.where(), Number(0)), signal, says, (why,))


def _addressed(mesh: Mesh, signals: Catalogue, draft: Draft) -> Alert:
    certificate = draft.signal == signals.certificates.namespaces
    place = {} if certificate else {"namespace": mesh.root_namespace}
    labels = {
        "severity": draft.severity,
        "category": draft.category,
        "mesh": mesh.name,
        "service": ISTIOD,
        **place,
        "team": mesh.owner,
        "tier": "critical",
    }
    annotations = {
        "summary": f"{mesh.name}: {draft.says}",
        "description": told.in_a_row(draft.signal.description, *draft.details, f"Team: {mesh.owner}."),
        "runbook_url": naming.runbook_url(mesh.runbook_base_url, draft.name),
        **_links(mesh, draft.signal),
    }
    return Alert(
        draft.name,
        draft.expression,
        HOLD[draft.name],
        KEEP.get(draft.name, 0),
        draft.severity,
        tuple(labels.items()),
        tuple(annotations.items()),
    )


def _links(mesh: Mesh, signal: Signal) -> dict[str, str]:
    """The control plane's dashboard, and the panel on it."""
    if mesh.grafana.url is None:
        return {}
    uid = naming.control_plane_uid(mesh.name)
    return {
        "dashboard_url": naming.dashboard_url(mesh.grafana.url, uid),
        "panel_url": naming.panel_url(mesh.grafana.url, uid, signal.id),
    }
