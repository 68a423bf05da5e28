"""What of simulated telemetry counts, and what does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from observe.inventory import load
from observe.replay.mesh import lasting
from observe.replay.recording import GAUGES, recording
from observe.simulation import incidents, simulate
from tests.conftest import ROOT, SHOP
from tests.replay.samples import falls, series, telemetry

if TYPE_CHECKING:
    from pathlib import Path

    from observe.simulation import Values


@pytest.mark.parametrize("source", [SHOP, ROOT / "examples" / "ambient"], ids=lambda path: path.name)
def test_whatever_falls_in_any_incident_is_known_as_a_gauge(source: Path) -> None:
    """Except where a pod is gone: what comes after it begins anew."""
    inventory = load(str(source))
    falling = {
        one.name
        for happening in incidents(inventory)
        for one in simulate(inventory, lasting(happening, 12), minutes=20, begin=2, step=30).series
        if falls(one.values)
    }
    assert falling
    assert falling <= GAUGES


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ((1_000, 1_004, 1_009), (0, 4, 9)),
        ((None, None, 7, 9), (0, 0, 7, 9)),  # begins to exist with what it first counts
        ((1_000, 1_010, None, 1_030), (0, 10, 10, 30)),  # not scraped for a while
        ((1_000, 1_010, None, 0, 3), (0, 10, 10, 10, 13)),  # gone, and back with a new pod
    ],
)
def test_a_counter_never_falls(values: Values, counts: tuple[float, ...]) -> None:
    made = recording(telemetry(series("istio_requests_total", *values)))
    assert [line.counts for line in made.lines.values()] == [counts]


def test_a_target_answers_unless_its_own_up_says_otherwise() -> None:
    made = recording(telemetry(series("up", 1, 0, None, pod="web"), series("up", 1, 1, 1, pod="cart")))
    web = (("pod", "web"),)
    assert [made.answers(web, scrape) for scrape in range(3)] == [True, False, False]
    assert made.answers((("pod", "of nobody's"),), 1)
