"""Counting in whole numbers: nothing is lost, nothing depends on the order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from observe.simulation.flows import added, counted, dealt, flow, share

EVENTS = st.lists(st.integers(0, 1000), min_size=1, max_size=30).map(tuple)


def test_a_rate_below_one_event_a_scrape_is_saved_up() -> None:
    """A request every forty seconds, scraped every fifteen: in each two minutes three of them."""
    assert counted([1 / 40] * 16, 15) == (0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1)


def test_phases_are_minutes_at_so_many_a_minute() -> None:
    assert flow((1, 60), (0.5, 0), (0.5, 6), step=15) == (15, 15, 15, 15, 0, 0, 1, 2)


@given(EVENTS, st.integers(1, 5))
def test_hands_get_everything_between_them(events: tuple[int, ...], hands: int) -> None:
    """Dealt to the pods of a workload, the events are as many as before, at each scrape, and nearly even."""
    parts = [dealt(events, hands, place) for place in range(hands)]
    assert added(parts) == events
    assert max(map(sum, parts)) - min(map(sum, parts)) <= 1


@given(EVENTS, st.integers(0, 10), st.integers(0, 10))
def test_a_larger_bucket_never_holds_less(events: tuple[int, ...], one: int, other: int) -> None:
    """So the cumulative buckets of a histogram never fall, neither along `le` nor in time."""
    small, large = (share(events, part, 10) for part in sorted((one, other)))
    running = 0
    for less, more in zip(small, large, strict=True):
        running += more - less
        assert running >= 0
        assert less >= 0
    assert share(events, 10, 10) == events


def test_what_ends_earlier_counts_for_nothing_later() -> None:
    assert added([(1, 2), (10, 20, 30)]) == (11, 22, 30)
