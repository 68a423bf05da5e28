"""Several recordings, one after another, are one mesh to whoever scrapes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.replay.player import Cue, Player
from observe.replay.recording import recording
from tests.replay.samples import series, shown, telemetry

if TYPE_CHECKING:
    from observe.simulation import Series


def cue(begin: float, *all_series: Series, start: float = 0) -> Cue:
    return Cue(begin, recording(telemetry(*all_series)), start)


ORDINARY = cue(0, series("hits_total", 1_000, 1_010, 1_020), series("up", 1, 1, 1))


def at(player: Player, *moments: float) -> list[dict[str, float]]:
    return [shown(list(player.samples(moment))) for moment in moments]


def test_between_two_scrapes_a_counter_is_on_the_way() -> None:
    found = at(Player(ORDINARY), 0, 5, 9.99, 10)
    assert [values["hits_total{}"] for values in found] == [1_000, 1_005, 1_009, 1_010]


def test_what_counts_fractions_shows_fractions() -> None:
    found = at(Player(cue(0, series("container_cpu_usage_seconds_total", 1.0, 2.0))), 2.5)
    assert found == [{"container_cpu_usage_seconds_total{}": 1.25}]


def test_counters_grow_across_the_end_of_a_recording() -> None:
    """20 hits in each lap of 20 seconds."""
    found = at(Player(ORDINARY), 19, 20, 25, 40, 2_000)
    assert [values["hits_total{}"] for values in found] == [1_019, 1_020, 1_025, 1_040, 3_000]


def test_counters_grow_across_a_change_to_another_recording_and_back() -> None:
    """The other one stands at something else, and counts three times as fast."""
    player = Player(ORDINARY)
    other = cue(15, series("hits_total", 7, 37, 67), series("up", 1, 1, 1), start=10)
    player.play(12, other, Cue(20, ORDINARY.recording, 20))
    found = at(player, 12, 15, 18, 20, 30)
    assert [values["hits_total{}"] for values in found] == [1_012, 1_015, 1_024, 1_030, 1_040]


def test_a_scrape_that_comes_late_misses_no_change() -> None:
    player = Player(ORDINARY)
    player.play(0, cue(10, series("hits_total", 0, 100), start=0), Cue(20, ORDINARY.recording, 20))
    assert at(player, 30)[0]["hits_total{}"] == 1_000 + 10 + 100 + 10


def test_a_new_plan_replaces_the_one_before() -> None:
    player = Player(ORDINARY)
    player.play(0, cue(10, series("hits_total", 0, 100)))
    player.play(5)
    assert at(player, 20)[0]["hits_total{}"] == 1_020


def test_gauges_are_as_they_are_recorded() -> None:
    player = Player(cue(0, series("istio_build", 1, 1), series("pilot_xds", 44, 40, 44)))
    assert [values["pilot_xds{}"] for values in at(player, 0, 9, 10, 19)] == [44, 44, 40, 40]


def test_what_was_not_exposed_is_not_exposed() -> None:
    player = Player(cue(0, series("hits_total", 1_000, None, 1_020, 1_030), series("up", 1, None, 1, 1)))
    assert [sorted(values) for values in at(player, 9, 10, 19, 20)] == [
        ["hits_total{}", "up{}"],
        [],
        [],
        ["hits_total{}", "up{}"],
    ]
    assert at(player, 25)[0]["hits_total{}"] == 1_025


INCIDENT = cue(
    10,
    series("hits_total", 1_000, 1_010, 1_020),
    series("failures_total", None, 4, 8, pod="web"),
    series("never_total", None, None, 5, pod="web"),
    series("up", 1, 1, 1, pod="web"),
)


def test_a_proxy_keeps_what_it_counted_in_an_incident() -> None:
    player = Player(ORDINARY)
    player.play(0, INCIDENT, Cue(25, ORDINARY.recording, 25))
    before, late, after = at(player, 19, 24, 60)
    assert 'failures_total{pod="web"}' not in before
    assert late['failures_total{pod="web"}'] == 5
    assert after['failures_total{pod="web"}'] == 6
    assert 'never_total{pod="web"}' not in after


def test_what_it_keeps_goes_when_its_pod_goes_and_counts_on_in_the_next_incident() -> None:
    player = Player(ORDINARY)
    player.play(0, INCIDENT, Cue(25, ORDINARY.recording, 25))
    gone = cue(40, series("up", 1, None, 1, pod="web"), series("hits_total", 0, 10, 20))
    player.play(30, gone, Cue(60, INCIDENT.recording, 10))
    assert ['failures_total{pod="web"}' in values for values in at(player, 49, 50, 59)] == [True, False, False]
    assert [values['failures_total{pod="web"}'] for values in at(player, 60, 65)] == [6, 8]
