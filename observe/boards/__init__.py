"""Dashboards as plain values: signals on panels, panels in rows. Grafana's spelling is the renderer's job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.boards.clusters import among_clusters
from observe.boards.control_plane import control_plane_board
from observe.boards.ingress import ingress_board
from observe.boards.migration import migration_board
from observe.boards.mtls import mtls_board
from observe.boards.overview import overview
from observe.boards.panel import Board, panel_keys
from observe.boards.resilience import resilience_board
from observe.boards.service import service_board

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.model import Inventory
    from observe.signals import Catalogue

__all__ = ["Board", "boards", "panel_keys"]

MESH_BOARDS = (overview, resilience_board, mtls_board, ingress_board, control_plane_board, migration_board)
"""The dashboards of the mesh as a whole."""


def boards(inventory: Inventory, graph: Graph, signals: Catalogue) -> Iterator[Board]:
    """All dashboards of an inventory: those of the mesh, then one for each service."""
    label = inventory.mesh.prometheus.cluster_label
    for board in _boards(inventory, graph, signals):
        yield among_clusters(board, label, signals.presence.mesh.record) if label else board


def _boards(inventory: Inventory, graph: Graph, signals: Catalogue) -> Iterator[Board]:
    for made in MESH_BOARDS:
        yield made(inventory, signals)
    for service in inventory.services:
        yield service_board(inventory, graph, signals, service)
