"""Runbooks: a page for each alert, and a page for each service with the very commands and queries for its alerts.

Two kinds, since a page for each alert with a section for each service would be megabytes with a thousand services, and
a general page alone would leave names to be filled in by somebody who was asleep a minute ago. An alert's `runbook_url`
goes to its row on the service's page; from there a link leads to what the alert means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe import naming
from observe.alerting import mesh_alerts
from observe.runbooks.general_page import general_page, mesh_page
from observe.runbooks.guides import GUIDES
from observe.runbooks.service_page import service_page
from observe.runbooks.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from observe.alerting.draft import Draft
    from observe.graph import Graph
    from observe.model import Service
    from observe.naming import AlertName
    from observe.signals import Catalogue

__all__ = ["runbooks"]


def runbooks(
    graph: Graph, signals: Catalogue, drafts: Callable[[Service], Iterable[Draft]]
) -> Iterator[tuple[str, str]]:
    """Paths in the pack, and pages: of every service, and of every alert that the inventory has. `drafts` gives what
    the alerts of a service compare and say.
    """
    concerned: dict[AlertName, list[tuple[Service, Draft]]] = {}
    for service in graph.inventory.services:
        own = {draft.name: draft for draft in drafts(service)}
        page = service_page(Subject(graph, signals, service), own)
        yield naming.service_runbook_path(service.namespace, service.name), page
        for draft in own.values():
            concerned.setdefault(draft.name, []).append((service, draft))
    of_mesh = {rule.name for group in mesh_alerts(signals.mesh, signals) for rule in group.rules}
    for alert in GUIDES:
        if alert in concerned:
            yield naming.runbook_path(alert), general_page(graph.inventory, signals, alert, concerned[alert])
        elif alert in of_mesh:
            yield naming.runbook_path(alert), mesh_page(graph.inventory, signals, alert)
