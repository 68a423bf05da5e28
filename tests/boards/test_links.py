"""Links from values."""

from __future__ import annotations

from observe.boards import links
from observe.boards.panel import DataLink


def test_a_board_is_opened_at_the_same_time_with_the_same_choices() -> None:
    found = links.to_board("Mesh overview", "acme-mesh-overview-1")
    assert found == DataLink("Mesh overview", "/d/acme-mesh-overview-1?${__url_time_range}&${__all_variables}")


def test_a_label_is_searched_for_among_the_dashboards_of_the_mesh() -> None:
    """Encoded, since a label may hold what ends a parameter."""
    found = links.by_label("Find the service", "acme", "destination_service_name")
    tagged = "/dashboards?tag=observe-pack-acme&query="
    assert found.url == tagged + "${__field.labels.destination_service_name:percentencode}"
    assert links.by_column("", "acme", "Service").url == tagged + "${__data.fields.Service:percentencode}"
