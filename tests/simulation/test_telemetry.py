"""Telemetry for Prometheus itself: blocks made from it hold the same series with the same values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from observe.simulation import Recorder, Series, Telemetry, flow, simulate
from observe.simulation.reports import WEB
from tests.samples import a_mesh, a_service
from tests.servers.fixtures import require
from tests.servers.prometheus_server import PrometheusServer
from tests.simulation.openmetrics import openmetrics

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Inventory

START = 1_700_000_000

ODD = Telemetry(
    15,
    (
        Series("hits_total", (("path", 'a\\b"c\nd'),), (None, 1, 2.5, None, 4)),
        Series("up", (("pod", "web-0"),), (1, 1, 1, 0, 0)),
    ),
)


def test_openmetrics_gives_each_value_its_time() -> None:
    """Label values are escaped, gaps are left out, and the file ends as the format wants it."""
    assert openmetrics(ODD, START).splitlines() == [
        'hits_total{path="a\\\\b\\"c\\nd"} 1 1700000015',
        'hits_total{path="a\\\\b\\"c\\nd"} 2.5 1700000030',
        'hits_total{path="a\\\\b\\"c\\nd"} 4 1700000060',
        'up{pod="web-0"} 1 1700000000',
        'up{pod="web-0"} 1 1700000015',
        'up{pod="web-0"} 1 1700000030',
        'up{pod="web-0"} 0 1700000045',
        'up{pod="web-0"} 0 1700000060',
        "# EOF",
    ]


def test_promtool_series_are_named_as_promql_names_them() -> None:
    assert ODD.promtool() == [
        {"series": 'hits_total{path="a\\\\b\\"c\\nd"}', "values": "_ 1 2.5 stale 4"},
        {"series": 'up{pod="web-0"}', "values": "1x2 0x1"},
    ]


def test_a_scrape_brings_what_is_exposed_then() -> None:
    assert {str(series): value for series, value in ODD.scrape(3)} == {'up{pod="web-0"}': 0}
    assert [value for _, value in ODD.scrape(2)] == [2.5, 1]
    assert (ODD.scrapes, ODD.step) == (5, 15)


def test_series_are_found_by_their_labels() -> None:
    seen = Recorder(a_mesh()).requests(a_service(), flow((1, 60), step=15)).telemetry()
    assert {one.label("pod") for one in seen.named("istio_requests_total", reporter="source")} == {
        pod.name for pod in WEB.pods
    }
    assert not seen.named("istio_requests_total", reporter="waypoint")


@pytest.fixture(scope="module")
def preloaded(shop: Inventory, tmp_path_factory: pytest.TempPathFactory) -> tuple[Telemetry, Path]:
    """Ten simulated minutes of the example, as an OpenMetrics file."""
    require("prometheus")
    telemetry = simulate(shop, minutes=10)
    file = tmp_path_factory.mktemp("telemetry") / "samples.om"
    file.write_text(openmetrics(telemetry, START))
    return telemetry, file


def test_a_real_prometheus_holds_what_was_simulated(preloaded: tuple[Telemetry, Path], tmp_path: Path) -> None:
    """Every series of every metric, and each of its values at a scrape in the middle and at the last one."""
    telemetry, file = preloaded
    with PrometheusServer(tmp_path, samples=file) as server:
        for index in (20, telemetry.scrapes - 1):
            found = server.query('{__name__!=""}', START + index * telemetry.step)
            values = {frozenset(one["metric"].items()): float(one["value"][1]) for one in found}
            assert values == {
                frozenset({"__name__": series.name, **dict(series.labels)}.items()): value
                for series, value in telemetry.scrape(index)
            }
