"""Who hears of an alert: its service's team, by page or by ticket."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from observe.alertmanager.configuration import Delivery, Matcher, Route

if TYPE_CHECKING:
    from observe.model import Inventory, Mesh

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
INCIDENT: Final = ("mesh", "namespace", "service", "category")
"""The labels that tell incidents apart. Inhibition leaves of one incident the services that caused it, so a service
is an incident: grouped by team, a second incident of the team would wait for the next look at the first one's group,
and join a page that somebody has taken already. For the same reason a control plane that is down does not join the
page for a certificate that has been expiring for days: they differ in category."""
ELSEWHERE: Final = "default"
"""The receiver of alerts that are not this mesh's."""
TICKETS: Final = Delivery(wait=5 * MINUTE, interval=30 * MINUTE, repeat=24 * HOUR)
"""A ticket waits until the critical alert that may follow its warning could fire and mute it."""


def page_receiver(team: str) -> str:
    """The receiver that wakes somebody of a team."""
    return f"{team}-page"


def ticket_receiver(team: str) -> str:
    """The receiver that puts something on a team's list."""
    return f"{team}-ticket"


def pages(mesh: Mesh) -> Delivery:
    """How pages are delivered.

    Alerts of one incident fire at different moments: their samples are scraped and their rules evaluated at different
    phases. A page that waits for one scrape and one evaluation is still there when the alert that mutes it fires.
    """
    apart = mesh.prometheus.scrape_interval + mesh.prometheus.evaluation_interval
    return Delivery(wait=max(30 * SECOND, apart), interval=5 * MINUTE, repeat=4 * HOUR)


def routes(inventory: Inventory) -> Route:
    """The routing tree: one route for the mesh, so that it can stand in a larger tree, and below it one for each team.

    An alert whose team has no route is the mesh owner's, and what is not critical is a ticket: nothing is lost.
    """
    mesh = inventory.mesh
    teams = sorted({service.owner for service in inventory.services} | {mesh.owner})
    below = (*(_team(mesh, team) for team in teams), _pages(mesh, mesh.owner))
    ours = Route((Matcher("mesh", (mesh.name,)),), ticket_receiver(mesh.owner), INCIDENT, TICKETS, below)
    return replace(ours, matchers=(), receiver=ELSEWHERE, routes=(ours,))


def _team(mesh: Mesh, team: str) -> Route:
    return Route((Matcher("team", (team,)),), ticket_receiver(team), INCIDENT, TICKETS, (_pages(mesh, team),))


def _pages(mesh: Mesh, team: str) -> Route:
    return Route((Matcher("severity", ("critical",)),), page_receiver(team), INCIDENT, pages(mesh))
