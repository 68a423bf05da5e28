"""Links from values to dashboards. They keep the time range; the paths are below wherever Grafana is served.

A dashboard that is known beforehand is linked by its uid. The uid of a service's dashboard holds a hash, which a link
cannot compute of a label: where the service is known by its label alone, the link searches for its name.
"""

from __future__ import annotations

from observe import naming
from observe.boards.panel import DataLink


def to_board(title: str, uid: str) -> DataLink:
    """To a dashboard, with the time range and the variables of this one."""
    return DataLink(title, f"{naming.dashboard_url('', uid)}?${{__url_time_range}}&${{__all_variables}}")


def by_label(title: str, mesh: str, label: str) -> DataLink:
    """From a line to the dashboards of the mesh that are named as its label says."""
    return DataLink(title, _search(mesh, f"__field.labels.{label}"))


def by_column(title: str, mesh: str, heading: str) -> DataLink:
    """The same from a row of a table, by one of its columns."""
    return DataLink(title, _search(mesh, f"__data.fields.{heading}"))


def _search(mesh: str, value: str) -> str:
    return f"/dashboards?tag={naming.pack_tag(mesh)}&query=${{{value}:percentencode}}"
