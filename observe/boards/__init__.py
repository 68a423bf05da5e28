"""Dashboards as plain values: signals on panels, panels in rows. Grafana's spelling is the renderer's job."""

from observe.boards.mtls import mtls_board
from observe.boards.overview import overview
from observe.boards.panel import Board, panel_keys
from observe.boards.service import service_board

__all__ = ["Board", "mtls_board", "overview", "panel_keys", "service_board"]
