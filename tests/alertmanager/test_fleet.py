"""Whom an outage in a large fleet tells: the table of docs/alertmanager.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.notifications import fleet_table, with_table
from tests.conftest import ROOT

if TYPE_CHECKING:
    from tests.servers.alertmanager_server import Start


@pytest.mark.slow
def test_the_table_of_the_fleet_is_what_alertmanager_sends(alertmanager: Start) -> None:
    """Stale: run `python -m benchmarks.notifications --write docs/alertmanager.md`."""
    page = (ROOT / "docs" / "alertmanager.md").read_text(encoding="utf-8")
    assert with_table(page, fleet_table(alertmanager)) == page
