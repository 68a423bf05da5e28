"""What the inventory says of a service, as the header of its dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe import naming, policy
from observe.boards import markdown
from observe.model import Mesh, Service, format_duration, format_percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from observe.graph import Graph
    from observe.model import Inventory


def about(mesh: Mesh, graph: Graph, service: Service) -> str:
    """Owner, objectives, policies and neighbours as Markdown."""
    owner = markdown.escape(service.owner)
    heading = f"**{service.id}** · owner **{owner}** · tier **{service.tier}** · role **{service.role}**"
    says = (markdown.escape(service.description),) if service.description else ()
    facts = markdown.table(("What", "As declared"), _facts(mesh, graph, service))
    return "\n\n".join((heading, *says, facts))


def _facts(mesh: Mesh, graph: Graph, service: Service) -> Iterator[tuple[str, str]]:
    if objectives := _objectives(mesh, service):
        yield "Objectives", objectives
    if policy.watches_requests(mesh, service):
        yield "Requests to it", policy.route(graph.inventory, service).reason
    if policy.has_envoy(mesh, service):
        yield "Circuit breaker", _breaker(graph.inventory, service)
    else:
        yield "What is seen", "connections: there is no waypoint that would tell requests apart, repeat or limit them"
    yield "mTLS", accepted(service)
    yield "Called by", _neighbours(mesh, service, (edge.caller for edge in graph.callers(service)))
    yield "Calls", _neighbours(mesh, service, (graph.inventory.by_id[call.service] for call in service.calls))
    for what, items in (
        (
            "Called from outside",
            tuple(f"{caller.name} ({caller.via})" for caller in service.external_callers),
        ),
        ("Calls outside", tuple(f"{host.host}:{host.port}" for host in service.external_hosts)),
        ("Endpoints", tuple(endpoint.title for endpoint in service.endpoints)),
    ):
        if items:
            yield what, ", ".join(map(markdown.escape, items))


def _objectives(mesh: Mesh, service: Service) -> str:
    """The promises that alerts hold the service to. Of TCP connections nobody knows how long they should take."""
    limits, objectives = policy.thresholds(service), service.objectives
    latency, promises = objectives.latency, list[str]()
    if policy.watches_requests(mesh, service):
        promises += [
            f"at most {format_percent(limits.error_rate.value)} of requests fail",
            f"{latency.quantile * 100:.6g}% are faster than {format_duration(latency.limit)}",
        ]
    if policy.watches_requests(mesh, service) and objectives.availability is not None:
        promises.append(f"{format_percent(objectives.availability)} good over {mesh.objective_days} days")
    if policy.watches_connections(mesh, service):
        promises.append(f"at most {format_percent(limits.connections.value)} of connections fail")
    return ", ".join(promises)


def _breaker(inventory: Inventory, service: Service) -> str:
    outlier = policy.breaker(inventory, service).outlier
    if outlier is None:
        return "no instance is ever ejected"
    failures, out_for = outlier.consecutive_5xx, format_duration(outlier.base_ejection_time.value)
    return (
        f"out after {failures.value} failures in a row for {out_for}, "
        f"at most {outlier.max_ejection_percent.value}% at once ({failures.origin.why})"
    )


def accepted(service: Service) -> str:
    """Which connections the service takes, and why not only encrypted ones."""
    if not service.in_mesh:
        return "no proxy: nothing that it receives is encrypted by the mesh"
    if service.mtls.mode == "STRICT":
        return "STRICT"
    ports = f" on container ports {', '.join(map(str, service.mtls.ports))}" if service.mtls.ports else ""
    reason = markdown.escape(service.mtls.reason) if service.mtls.reason else "no reason given"
    return f"{service.mtls.mode}{ports}: {reason}"


def _neighbours(mesh: Mesh, service: Service, others: Iterable[Service]) -> str:
    """Links to the dashboards of other services; each once, however many calls there are."""
    found = {other.id: other for other in others}
    links = [
        _link(mesh, other, other.name if other.namespace == service.namespace else other.id) for other in found.values()
    ]
    return ", ".join(links) or "none declared"


def _link(mesh: Mesh, service: Service, title: str) -> str:
    uid = naming.service_uid(mesh.name, service.namespace, service.name)
    return markdown.link(title, naming.dashboard_url(mesh.grafana.url or "", uid))
