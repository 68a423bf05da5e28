"""What alerts must see at an evaluation, worked out from what truly happened in a scene: not from the rules.

Everything is worked out in several views, which differ in what may differ: whether a window holds its first instant
(Prometheus 2 and 3), and on which side of a limit a value lies that is close to it. Only what all views agree on is
asserted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe.proofs.window import Window, per_second, totals

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from observe.proofs.scene import Chosen, Scene

SLACK: Final = 0.03
"""How near to a limit a value is not told from it."""

Values = tuple[float | None, ...]
"""By evaluation; None where nothing is there."""


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at it."""

    closed: bool
    """Whether windows hold their first instant."""
    slack: float
    """By which part limits are moved outwards: then less is above them, and less below."""


VIEWS: Final = tuple(View(closed, slack) for closed in (False, True) for slack in (-SLACK, SLACK))


@dataclass
class Truth:
    """A scene in one view; all quantities by evaluation."""

    scene: Scene
    view: View

    @property
    def times(self) -> range:
        return self.scene.evaluations

    def above(self, value: float | None, limit: float) -> bool:
        return value is not None and value > limit * (1 + self.view.slack)

    def at_least(self, value: float | None, limit: float) -> bool:
        return value is not None and value >= limit * (1 + self.view.slack)

    def below(self, value: float | None, limit: float) -> bool:
        """Whether a share is below a limit that is near to one."""
        return value is not None and value < limit - self.view.slack * (1 - limit)

    def known(self, key: tuple[object, ...], work_out: Callable[[], Values]) -> Values:
        """What does not depend on limits is worked out once for all views with such windows."""
        key = (*key, self.view.closed)
        if key not in self.scene.worked_out:
            self.scene.worked_out[key] = work_out()
        return self.scene.worked_out[key]

    def rate(self, chosen: Chosen, window: int) -> Values:
        """Events per second over the window of milliseconds; all streams of a scene are there at the same time."""
        rates = [self._rate(place, window) for place, one in enumerate(self.scene.streams) if chosen(one)]
        if not rates:
            return (None,) * len(self.times)
        return tuple(map(_sum, zip(*rates, strict=True)))

    def rate_at(self, chosen: Chosen, window: int, place: int) -> float | None:
        """The same at one evaluation."""
        rates = [self._rate(number, window)[place] for number, one in enumerate(self.scene.streams) if chosen(one)]
        return _sum(rates) if rates else None

    def _rate(self, stream: int, window: int) -> Values:
        return self.known(("rate", stream, window), lambda: self._work_out(stream, window))

    def _work_out(self, stream: int, window: int) -> Values:
        total = totals(self.scene.streams[stream].events)
        step, last, closed = self.scene.step, self.scene.last, self.view.closed
        return tuple(per_second(total, Window(time, window, closed), step, last) for time in self.times)

    def zero_where(self, part: Values, whole: Values) -> Values:
        """Zero where there is something and none of it is bad."""
        return tuple(0.0 if one is None and other is not None else one for one, other in zip(part, whole, strict=True))

    def part(self, bad: Chosen, whole: Chosen, window: int) -> Values:
        """The rate of what is bad, zero where there is nothing bad among something."""
        return self.zero_where(self.rate(bad, window), self.rate(whole, window))

    def share(self, bad: Chosen, whole: Chosen, window: int) -> Values:
        return ratios(self.part(bad, whole, window), self.rate(whole, window))

    def gauge(self, what: str, together: Callable[[Sequence[float]], float]) -> Values:
        """A gauge of all who report it, taken together."""
        series = self.scene.gauges.get(what, [])
        found: list[float | None] = []
        for time in self.times:
            place = min(time // self.scene.step, self.scene.scrapes)
            seen = [values[place] for values in series] if place <= self.scene.last else []
            there = [value for value in seen if value is not None]
            found.append(together(there) if there else None)
        return tuple(found)

    def fed(self, record: str) -> Values:
        """A record that the scene gives."""
        values = self.scene.fed.get(record)
        if values is None:
            return (None,) * len(self.times)
        return tuple(values[min(time // self.scene.step, self.scene.scrapes)] for time in self.times)

    def summed(self, values: Values, window: int) -> Values:
        """What a record adds up to over a window."""
        found = self.looked_up(values, window, self.scene.interval)
        return tuple(math.fsum(each) if each else None for each in found)

    def looked_up(self, values: Values, window: int, every: int, offset: int = 0) -> tuple[tuple[float, ...], ...]:
        """What a subquery finds: the record's values at each multiple of so many milliseconds within the window."""
        interval, most = self.scene.interval, len(values)
        spans = (Window(end - offset, window, self.view.closed).multiples(every) for end in self.times)
        places = ((time // interval for time in span) for span in spans)
        return tuple(
            tuple(value for place in each if place < most and (value := values[place]) is not None) for each in places
        )

    def at(self, values: Values, time: int) -> float | None:
        """A record at any instant: what was recorded last, unless it had ended by then."""
        place = time // self.scene.interval
        return values[place] if 0 <= place < len(values) else None

    def lagging(self, values: Values) -> Values:
        """A record that is read before it is made anew: what it was an evaluation earlier."""
        return (None, *values[:-1])


def _sum(rates: Sequence[float | None]) -> float | None:
    """All of them together: the streams of a scene are there at the same time, or none is."""
    there = [rate for rate in rates if rate is not None]
    return sum(there) if there else None


def ratios(part: Values, whole: Values) -> Values:
    return tuple(one / other if one is not None and other else None for one, other in zip(part, whole, strict=True))


def either(first: Values, second: Values) -> Values:
    """The first where it is there, else the second."""
    return tuple(other if one is None else one for one, other in zip(first, second, strict=True))
