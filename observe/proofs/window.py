"""What Prometheus makes of counted events: rates over windows, as `rate` counts them, written down a second time.

Follows Prometheus' `promql/functions.go` (`extrapolatedRate`). Counters that begin anew lose nothing here, which is
what `rate` promises of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from observe.simulation import Flow

TOO_FAR: Final = 1.1
"""Samples are taken to go on to the end of a window that is nearer than so many times their distance."""


@dataclass(frozen=True, slots=True)
class Window:
    """A range of time that ends at an instant, in milliseconds."""

    end: int
    length: int
    closed: bool
    """Whether a sample at the very beginning belongs to it: until Prometheus 3."""

    def samples(self, step: int, last: int) -> tuple[int, int]:
        """The first and the last of samples so many milliseconds apart, of which there are so many after the first."""
        begin = self.end - self.length
        first = -(-begin // step) if self.closed else begin // step + 1
        return max(first, 0), min(self.end // step, last)

    def multiples(self, step: int) -> range:
        """The instants from zero on that are multiples of a step: at which rules are evaluated, or a subquery looks."""
        begin = self.end - self.length
        first = -(-begin // step) if self.closed else begin // step + 1
        return range(max(first, 0) * step, self.end + 1, step)


def totals(events: Flow) -> tuple[int, ...]:
    """What a counter of the events says at each scrape, from zero."""
    return tuple(accumulate(events, initial=0))


def per_second(total: tuple[int, ...], window: Window, step: int, last: int) -> float | None:
    """The rate of a counter over a window; None where fewer than two samples lie in it."""
    first, end = window.samples(step, min(last, len(total) - 1))
    if end <= first:
        return None
    sampled = (end - first) * step
    before = _reach(first * step - (window.end - window.length), step)
    after = _reach(window.end - end * step, step)
    return (total[end] - total[first]) * (sampled + before + after) / sampled / window.length * 1_000


def _reach(gap: int, step: int) -> float:
    return gap if gap < step * TOO_FAR else step / 2
