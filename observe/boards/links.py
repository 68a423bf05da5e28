"""Links from values to dashboards; their paths are below wherever Grafana is served.

The uid of a service's dashboard holds a hash, which a link cannot compute of a label: where the service is known by a
value alone, the link searches for its name.
"""

from __future__ import annotations

from observe import naming
from observe.boards.panel import DataLink


def by_column(title: str, mesh: str, heading: str) -> DataLink:
    """From a row of a table to the dashboards of the mesh that are named as one of its columns says."""
    return DataLink(title, _search(mesh, f"__data.fields.{heading}"))


def _search(mesh: str, value: str) -> str:
    return f"/dashboards?tag={naming.pack_tag(mesh)}&query=${{{value}:percentencode}}"
