"""A mesh over hours, with a clock that the test turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from observe import telemetry
from observe.errors import UsageError
from observe.inventory import load
from observe.replay import Mesh
from observe.replay.mesh import AFTERMATH, lasting
from observe.simulation import Impossible, incident, simulate
from tests.conftest import ROOT
from tests.replay.samples import Clock, shown

if TYPE_CHECKING:
    from observe.model import Inventory

NOW = 1_800_000_000
MINUTE = 60
UNAVAILABLE = {"grpc_response_status": "14"}
"""What the service answers that fails in the incident `errors`: it speaks gRPC."""


def made(inventory: Inventory, speed: float = 1) -> tuple[Mesh, Clock]:
    clock = Clock(5_000)
    return Mesh(inventory, speed=speed, clock=clock, now=lambda: NOW), clock


def requests(mesh: Mesh, **labels: str) -> float:
    """Requests that all proxies have counted with these labels."""
    return sum(
        value
        for line, value in mesh.samples()
        if line.name == telemetry.REQUESTS and labels.items() <= line.labels.items()
    )


def test_it_begins_with_what_the_simulation_gives(shop: Inventory) -> None:
    mesh, _ = made(shop)
    expected = simulate(shop, epoch=NOW).scrape(0)
    assert shown(mesh.samples()) == {str(series): value for series, value in expected}


def test_ordinary_hours_follow_each_other(shop: Inventory) -> None:
    """In three hours a counter gains three times what it gains in the hour that is simulated."""
    mesh, clock = made(shop)
    begin = requests(mesh)
    clock.seconds += 3_600
    hour = requests(mesh) - begin
    clock.seconds += 7_200
    assert requests(mesh) - begin == 3 * hour > 0


def test_time_runs_as_fast_as_it_is_told(shop: Inventory) -> None:
    slow, usual = made(shop)
    fast, hurried = made(shop, speed=30)
    usual.seconds += 600
    hurried.seconds += 20
    assert shown(fast.samples()) == shown(slow.samples())
    assert fast.state().seconds == 600


def test_an_incident_begins_and_ends_by_itself(shop: Inventory) -> None:
    mesh, clock = made(shop)
    state = mesh.happen("errors", after=2, lasts=5)
    assert state.happening is not None
    assert (state.happening.begin, state.happening.end) == (2 * MINUTE, 7 * MINUTE)
    counted = []
    for minute in range(20):
        clock.seconds = 5_000 + minute * MINUTE
        counted.append(requests(mesh, **UNAVAILABLE))
    grown = [minute for minute in range(19) if counted[minute + 1] > counted[minute]]
    assert grown == [2, 3, 4, 5, 6]
    assert mesh.state().happening is None
    assert counted[-1] > 0, "a proxy keeps what it counted"


def test_an_incident_is_ended_on_request(shop: Inventory) -> None:
    """From then on all is as if it had been meant to last so long."""
    ended, ended_clock = made(shop)
    meant, meant_clock = made(shop)
    ended.happen("instance-down")
    meant.happen("instance-down", lasts=6)
    ended_clock.seconds += 6 * MINUTE
    meant_clock.seconds += 6 * MINUTE
    assert ended.recover().happening is None
    for seconds in (5, 50, 200, (AFTERMATH + 5) * MINUTE):
        ended_clock.seconds += seconds
        meant_clock.seconds += seconds
        assert shown(ended.samples()) == pytest.approx(shown(meant.samples()))


def test_an_incident_that_has_not_begun_is_dropped(shop: Inventory) -> None:
    mesh, clock = made(shop)
    mesh.happen("errors", after=10)
    mesh.recover()
    clock.seconds += 15 * MINUTE
    assert requests(mesh, **UNAVAILABLE) == 0


def test_no_counter_falls_whatever_happens(shop: Inventory) -> None:
    """Incidents interrupt each other, in all of which pods go, fail or are not scraped."""
    mesh, clock = made(shop)
    before: dict[str, float] = {}
    for name in ("errors", "all-down", "exporter-stopped", "strict-too-early", "errors"):
        mesh.happen(name, lasts=3)
        for _ in range(6):
            clock.seconds += 47
            now = {
                str((line.name, sorted(line.labels.items()))): value for line, value in mesh.samples() if line.counts
            }
            assert [key for key, value in now.items() if value < before.get(key, 0)] == []
            before |= now


def test_series_vanish_with_what_reports_them(shop: Inventory) -> None:
    mesh, clock = made(shop)
    mesh.happen("prometheus-blind", lasts=3)
    clock.seconds += MINUTE
    assert mesh.samples() == []
    clock.seconds += 3 * MINUTE
    assert len(mesh.samples()) == len(simulate(shop).series)


def test_authorities_expire_in_our_time(shop: Inventory) -> None:
    mesh, clock = made(shop)
    mesh.happen("authority-certificate")
    clock.seconds += MINUTE
    expiry = {value for line, value in mesh.samples() if line.name == telemetry.ROOT_EXPIRY}
    assert len(expiry) == 1
    assert abs(expiry.pop() - (NOW + 5 * 86_400)) <= 10 * MINUTE


def test_what_cannot_happen_is_refused_and_changes_nothing() -> None:
    ambient, _ = made(load(str(ROOT / "examples" / "ambient")))
    with pytest.raises(Impossible, match="sidecar"):
        ambient.happen("strict-too-early")
    with pytest.raises(UsageError, match="there is no incident rain; take one of errors, "):
        ambient.happen("rain")
    with pytest.raises(UsageError, match="no incident is under way"):
        ambient.recover()
    assert ambient.state().happening is None


def test_no_effect_outlasts_its_incident(shop: Inventory) -> None:
    for name in ("errors", "low-traffic", "inventory-migration"):
        for effect in lasting(incident(shop, name), 2).effects:
            assert effect.end is None or effect.end <= 2
