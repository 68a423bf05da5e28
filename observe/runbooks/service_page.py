"""A service's runbook: for each of its alerts what to look at and to do, with nothing left to be filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe import naming, policy
from observe.alerting import HOLD
from observe.boards import markdown
from observe.boards.about import accepted
from observe.model import format_duration
from observe.runbooks.families import FAMILIES
from observe.runbooks.fires import fires
from observe.runbooks.step import numbered
from observe.runbooks.subject import workloads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from observe.alerting.draft import Draft
    from observe.graph import Edge
    from observe.model import Service
    from observe.naming import AlertName
    from observe.runbooks.families import Family
    from observe.runbooks.subject import Subject

MOST_NEIGHBOURS = 12
"""Callers and callees that are named on the page; a dashboard shows them all."""


def service_page(subject: Subject, drafts: Mapping[AlertName, Draft]) -> str:
    """The page of a service that has these alerts."""
    parts = [f"# {subject.service.id}", *_head(subject)]
    for family in FAMILIES:
        if any(alert in drafts for alert in family.alerts):
            parts += [f"## {family.title}", _alerts(subject, family, drafts)]
            parts += numbered(family.steps(subject, drafts.keys()))
    parts += ["## The service", *_facts(subject)]
    return "\n\n".join(parts) + "\n"


def _head(subject: Subject) -> Iterator[str]:
    service, mesh = subject.service, subject.mesh
    if service.description:
        yield markdown.escape(service.description)
    uid = naming.service_uid(mesh.name, service.namespace, service.name)
    board = markdown.link("Dashboard", naming.dashboard_url(mesh.grafana.url, uid)) if mesh.grafana.url else f"`{uid}`"
    yield (
        f"{board}. Team: {markdown.escape(service.owner)}. Tier: {service.tier}. Role: {service.role}. Queries are for "
        "Prometheus, commands for a shell with the cluster's context, `jq` and an `istioctl` of the mesh's version "
        f"({mesh.istio_version}). What changes something says so; all else only looks."
    )
    if label := mesh.prometheus.cluster_label:
        yield (
            f"Several clusters report: the alert's label `{label}` says which one it is about. Use that cluster's "
            "context; the queries tell clusters apart."
        )
    if mesh.installation.access_log == "off":
        yield "The proxies write no access log (`mesh.installation.access_log`), so no step reads one."


def _alerts(subject: Subject, family: Family, drafts: Mapping[AlertName, Draft]) -> str:
    """The family's alerts, each at the anchor that its `runbook_url` names."""
    rows = (_row(subject, drafts[alert]) for alert in family.alerts if alert in drafts)
    return markdown.table(("alert", "severity", "fires when", "for"), rows)


def _row(subject: Subject, draft: Draft) -> tuple[str, ...]:
    anchor = f'<a id="{naming.runbook_anchor(draft.name)}"></a>'
    words = fires(subject.signals, subject.service, draft.name)
    return f"{anchor}[{draft.name}](../{draft.name}.md)", draft.severity, words, format_duration(HOLD[draft.name])


def _facts(subject: Subject) -> Iterator[str]:
    rows = ((what, value) for what, value in _about(subject) if value)
    yield markdown.table(("what", "value"), rows)
    if callers := tuple(_callers(subject)):
        yield "**Called by**, with what holds for their requests:\n\n" + markdown.table(
            ("caller", "team", "time-out, retries"), callers
        )
    if callees := tuple(_callees(subject)):
        yield "**Calls**, and waits for them unless it says otherwise:\n\n" + markdown.table(
            ("callee", "team", ""), callees
        )


def _about(subject: Subject) -> Iterator[tuple[str, str]]:
    service = subject.service
    ports = (
        f"{port.number} ({port.name}, {port.protocol}), container port {port.container_port}" for port in service.ports
    )
    yield "Host", f"`{subject.host}`"
    yield "Ports", "; ".join(ports)
    if subject.in_cluster:
        called = ", if each version is a workload of its own that is called after it" if service.versions else ""
        yield "Runs as", ", ".join(f"`{each}`" for each in workloads(service)) + called
        yield "Pods", f"`{subject.selector}`, {policy.instances(service)} of them"
        yield "Account", f"`{service.service_account or 'default'}`"
    yield "mTLS", accepted(service)
    yield "Requests", _route(subject)
    yield "Reached from outside as", ", ".join(dict.fromkeys(f"`{one.host}{one.path}`" for one in service.exposures))
    outsiders = (f"{markdown.escape(caller.name)} ({caller.via})" for caller in service.external_callers)
    yield "Called from outside by", ", ".join(outsiders)
    yield "Calls outside", ", ".join(f"`{host.host}:{host.port}`" for host in service.external_hosts)


def _callers(subject: Subject) -> Iterator[tuple[str, ...]]:
    edges = subject.graph.callers(subject.service)
    for edge in edges[:MOST_NEIGHBOURS]:
        yield _page(edge.caller), markdown.escape(edge.caller.owner), _route(subject, edge)
    if len(edges) > MOST_NEIGHBOURS:
        yield f"and {len(edges) - MOST_NEIGHBOURS} more", "", ""


def _route(subject: Subject, edge: Edge | None = None) -> str:
    """Time-out and retries of requests, to everybody or to one caller; empty where no proxy knows requests."""
    known = policy.watches_requests(subject.mesh, subject.service)
    return policy.route(subject.inventory, subject.service, edge=edge).reason if known else ""


def _callees(subject: Subject) -> Iterator[tuple[str, ...]]:
    calls = subject.service.calls
    for call in calls[:MOST_NEIGHBOURS]:
        callee = subject.inventory.by_id[call.service]
        yield _page(callee), markdown.escape(callee.owner), "does not wait" if call.asynchronous else ""
    if len(calls) > MOST_NEIGHBOURS:
        yield f"and {len(calls) - MOST_NEIGHBOURS} more", "", ""


def _page(other: Service) -> str:
    """A link to another service's runbook; every service has one."""
    return f"[{other.id}](../{other.namespace}/{other.name}.md)"
