"""Circuit breakers, connection pools and retries of all services: what protects the mesh, and where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe import naming, policy
from observe.boards import fleet
from observe.boards.links import by_column
from observe.boards.overview import largest
from observe.boards.panel import Board, Column, Key, Row, Table
from observe.boards.plot import marks, mesh_links, stat
from observe.naming import SERVICE_LABELS
from observe.promql import ratio

if TYPE_CHECKING:
    from observe.boards.panel import Limit, Panel
    from observe.model import Inventory
    from observe.signals import Catalogue


def resilience_board(inventory: Inventory, signals: Catalogue) -> Board:
    """Who is ejected, who is turned away, who is tried again."""
    mesh = inventory.mesh
    return Board(
        uid=naming.resilience_uid(mesh.name),
        title=f"{mesh.name}: circuit breakers and resilience",
        description=f"Ejections, pool limits and retries in the {mesh.name} mesh.",
        tags=("istio", "resilience"),
        rows=_rows(inventory, signals),
        variables=(fleet.namespace_variable(signals.rate),),
        links=mesh_links(mesh),
        marks=marks(mesh),
    )


def _rows(inventory: Inventory, signals: Catalogue) -> tuple[Row, ...]:
    breakers, retries = signals.breakers, signals.retries
    requested = [policy.thresholds(service) for service in inventory.services if service.request_ports]
    watched = [policy.thresholds(service) for service in inventory.services if policy.watches_ejections(service)]
    ejected = fleet.common(limits.ejections for limits in watched)
    retried = fleet.common(limits.retries for limits in requested)
    return (
        Row("row-now", "Now", _now(signals)),
        Row(
            "row-ejections",
            "Ejections",
            (
                largest(breakers.ejections, limits=ejected, width=8),
                largest(breakers.callers, width=8),
                largest(breakers.denied, width=8),
            ),
        ),
        Row("row-retries", "Retries", (largest(retries.share, limits=retried), largest(retries.exhausted))),
        Row("row-limits", "Turned away", (largest(breakers.turned_away), largest(breakers.no_instance))),
        Row("row-services", "Services", (_services(inventory, signals, retried),)),
        Row(
            "row-pools",
            "Connection pools and handshakes",
            (
                largest(breakers.active_requests),
                largest(breakers.active_connections),
                largest(breakers.overflow),
                largest(breakers.handshakes_failed),
            ),
            collapsed=True,
        ),
    )


def _now(signals: Catalogue) -> tuple[Panel, ...]:
    breakers, retries = signals.breakers, signals.retries
    shown = (
        (breakers.ejections, "Ejections"),
        (breakers.denied, "Ejections denied"),
        (breakers.turned_away, "Turned away"),
        (breakers.no_instance, "Without an instance"),
        (retries.exhausted, "Out of retries"),
    )
    whole = ratio(fleet.total(retries.rate), fleet.total(signals.rate))
    return (
        *(stat(signal, fleet.total(signal), title=title, width=4) for signal, title in shown),
        stat(retries.share, whole, width=4),
    )


def _services(inventory: Inventory, signals: Catalogue, retried: tuple[Limit, ...]) -> Table:
    breakers, retries = signals.breakers, signals.retries
    shown = (breakers.ejections, breakers.denied, breakers.turned_away, breakers.no_instance)
    return Table(
        key="services",
        title="Services",
        description="Every service that callers' proxies report on. A click on its name finds its dashboard.",
        queries=(
            *(Column(fleet.chosen(signal), signal.title, signal.unit) for signal in shown),
            Column(fleet.chosen(retries.share), retries.share.title, retries.share.unit, retried),
            Column(fleet.chosen(signals.errors), signals.errors.title, signals.errors.unit),
        ),
        no_value=breakers.ejections.absent,
        keys=(
            Key(SERVICE_LABELS[0], "Namespace"),
            Key(SERVICE_LABELS[1], "Service", by_column("Find service", inventory.mesh.name, "Service").url),
        ),
        sort=signals.errors.title,
        width=24,
        height=12,
    )
