"""How long an incident is simulated, and how closely, so that it can be looked at while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from observe.clients.prometheus import Instant
from observe.drills.laboratory import EPOCH
from observe.drills.staging import HOUR, Staging, staged, staging
from observe.model import Prometheus
from observe.simulation import incident
from tests.samples import a_mesh
from tests.servers.fixtures import require
from tests.servers.prometheus_server import binary

if TYPE_CHECKING:
    from observe.model import Inventory


@pytest.mark.parametrize(
    ("scrape", "shown", "before", "expected"),
    [
        pytest.param(15, HOUR, HOUR, Staging(7_200, 15), id="as the mesh is scraped"),
        pytest.param(15, 6 * HOUR, 4 * HOUR, Staging(36_000, 24), id="a long time less closely"),
        pytest.param(15, 6 * HOUR, 25 * HOUR, Staging(111_600, 60), id="but the shortest rate has its two samples"),
        pytest.param(120, 6 * HOUR, 40 * HOUR, Staging(165_600, 120), id="never more closely than the mesh"),
        pytest.param(15, 100, 0, Staging(105, 15), id="in whole steps"),
    ],
)
def test_how_long_and_how_closely(scrape: int, shown: float, before: float, expected: Staging) -> None:
    assert staging(a_mesh(prometheus=Prometheus(scrape_interval=scrape * 1_000)), shown, before) == expected


def test_an_incident_that_lasts_longer_than_all_begins_with_it(shop: Inventory) -> None:
    assert Staging(600, 15).begin(incident(shop, "leaf-database")) == 0


def test_the_last_moment_is_the_incidents_worst(shop: Inventory) -> None:
    """Not the one after it, in which everything begins to recover."""
    require("prometheus")
    what = incident(shop, "leaf-database")
    with staged(shop, what, staging(shop.mesh, 1_800, 0), program=binary("prometheus")) as lab:
        assert (lab.start, lab.end) == (EPOCH, EPOCH + 1_800)
        (root,) = what.services
        namespace, name = root.split("/")
        chosen = f'destination_service_namespace="{namespace}", destination_service_name="{name}"'
        question = Instant(f"service:istio_requests_failed:ratio_rate2m{{{chosen}}}", lab.end)
        (series,) = lab.client.ask(question).series
        firing = lab.client.ask(Instant('ALERTS{alertstate="firing", severity="critical"}', lab.end)).series
    assert series.points[-1][1] == 1
    assert {(dict(one.labels)["alertname"]) for one in firing} >= {"ServiceErrorRateCritical"}
