"""The rules of one service: its own records, and its alerts with their addresses.

All read recorded series; thresholds come from the service's own objectives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe import naming
from observe.alerting import told
from observe.alerting.alert import Alert, Group, Record
from observe.alerting.draft import HOLD, KEEP, Draft
from observe.alerting.failures import Failures
from observe.alerting.presence import presence_alerts
from observe.alerting.records import service_records
from observe.alerting.resilience import resilience_alerts
from observe.alerting.security import security_alerts
from observe.promql import keeping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from observe.graph import Graph
    from observe.model import Mesh, Service
    from observe.signals import Catalogue, Signal


def service_rules(graph: Graph, signals: Catalogue, service: Service) -> tuple[Group, ...]:
    """The records and alerts of one service, in groups of an allowed size."""
    return service_groups(signals, service, drafts(graph, signals, service))


def service_groups(signals: Catalogue, service: Service, own: Iterable[Draft]) -> tuple[Group, ...]:
    """The same, of what its alerts compare and say."""
    mesh = signals.mesh
    alerts = (_addressed(mesh, service, draft) for draft in own)
    rules: tuple[Record | Alert, ...] = (*service_records(signals, service), *alerts)
    group = Group(f"{mesh.name}-{service.namespace}-{service.name}", mesh.prometheus.evaluation_interval, rules)
    return group.split(mesh.prometheus.rule_limits.rules_per_group)


def drafts(graph: Graph, signals: Catalogue, service: Service) -> Iterator[Draft]:
    """What its alerts compare and say."""
    yield from Failures(signals, service, graph.callees(service)).alerts()
    yield from presence_alerts(signals, service)
    yield from resilience_alerts(signals, service)
    yield from security_alerts(signals, service)


def _addressed(mesh: Mesh, service: Service, draft: Draft) -> Alert:
    labels = {
        "severity": draft.severity,
        "category": draft.category,
        "mesh": mesh.name,
        "service": service.name,
        "namespace": service.namespace,
        "team": service.owner,
        "tier": service.tier,
        **({"slo": draft.objective} if draft.objective else {}),
    }
    # What is worst comes first: messengers cut long texts.
    whose = f"Team: {service.owner}. Tier: {service.tier}. Role: {service.role}."
    annotations = {
        "summary": f"{service.id}: {draft.says}",
        "description": told.in_a_row(*draft.details, draft.signal.description, whose),
        "runbook_url": naming.service_runbook_url(mesh.runbook_base_url, service.namespace, service.name, draft.name),
        **_links(mesh, service, draft.signal),
    }
    cluster = mesh.prometheus.cluster_label
    expression = keeping(draft.expression, cluster) if cluster else draft.expression
    return Alert(
        draft.name,
        expression,
        HOLD[draft.name],
        KEEP.get(draft.name, 0),
        draft.severity,
        tuple(labels.items()),
        tuple(annotations.items()),
    )


def _links(mesh: Mesh, service: Service, signal: Signal) -> dict[str, str]:
    """The service's dashboard, and the panel on it that shows what the alert compares."""
    grafana = mesh.grafana.url
    if grafana is None:
        return {}
    uid = naming.service_uid(mesh.name, service.namespace, service.name)
    return {
        "dashboard_url": naming.dashboard_url(grafana, uid),
        "panel_url": naming.panel_url(grafana, uid, signal.id),
    }
