"""Dashboards seen without Grafana: one HTML page, drawn from their JSON and from what Prometheus answers.

The page holds everything that it needs and connects to nothing. What it cannot draw as Grafana does, it says.
"""

from observe.preview.dashboard import Dashboard, read
from observe.preview.drawing import Prepared, draw, prepare
from observe.preview.order import in_order
from observe.preview.results import Prometheus

__all__ = ["Dashboard", "Prepared", "Prometheus", "draw", "in_order", "prepare", "read"]
