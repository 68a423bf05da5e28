"""The configuration of a mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.alertmanager.alerted import alerted
from observe.alertmanager.configuration import Configuration
from observe.alertmanager.inhibitions import inhibitions
from observe.alertmanager.routes import routes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from observe.alerting import Alert
    from observe.graph import Graph
    from observe.model import Inventory


def configuration(inventory: Inventory, graph: Graph, alerts: Iterable[Alert]) -> Configuration:
    """Routes for every team, and the inhibitions that `alerts`, which are all of the mesh's, need."""
    return Configuration(routes(inventory), inhibitions(inventory, graph, alerted(alerts)))
