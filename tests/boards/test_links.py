"""Links from values."""

from __future__ import annotations

from observe.boards import links
from observe.boards.panel import DataLink


def test_a_value_is_searched_for_among_the_dashboards_of_the_mesh() -> None:
    """Encoded, since a value may hold what ends a parameter."""
    url = "/dashboards?tag=observe-pack-acme&query=${__data.fields.Service:percentencode}"
    assert links.by_column("Find the service", "acme", "Service") == DataLink("Find the service", url)
