"""Events per scrape, dealt out in whole numbers: no randomness, and nothing is lost by rounding."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise, zip_longest
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Flow = tuple[int, ...]
"""Events between one scrape and the next: one fewer than there are scrapes."""

ROUNDING: Final = 1e-6
"""So that 0.1 added ten times is one."""


def flow(*phases: tuple[float, float], step: int) -> Flow:
    """Events per scrape, from phases of so many minutes with so many events per minute."""
    rates = [rate / 60 for minutes, rate in phases for _ in range(round(minutes * 60 / step))]
    return counted(rates, step)


def counted(rates: Iterable[float], step: int) -> Flow:
    """Events per scrape, from the rate per second before each of them; what is left of an event waits for the next."""
    totals = accumulate((rate * step for rate in rates), initial=0.0)
    return tuple(after - before for before, after in pairwise(math.floor(total + ROUNDING) for total in totals))


def dealt(events: Flow, hands: int, place: int) -> Flow:
    """The events of one of several hands, to which they are dealt in turn."""
    totals = accumulate(events, initial=0)
    return tuple(after - before for before, after in pairwise((total + place) // hands for total in totals))


def share(events: Flow, part: int, whole: int) -> Flow:
    """So many of so many of the events; those of a larger part are never fewer, so buckets of a histogram fit."""
    if part == whole:
        return events
    if part == 0:
        return (0,) * len(events)
    totals = accumulate(events, initial=0)
    return tuple(after - before for before, after in pairwise(total * part // whole for total in totals))


def added(flows: Sequence[Flow]) -> Flow:
    """Several kinds of events together; the shorter ones end earlier."""
    return flows[0] if len(flows) == 1 else tuple(map(sum, zip_longest(*flows, fillvalue=0)))
