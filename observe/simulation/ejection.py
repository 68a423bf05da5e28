"""Outlier detection on a link: when the caller's proxies eject instances of the callee, and when they may not.

All proxies of a caller are taken to see the same. Follows envoy `outlier_detection_impl.cc`.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from observe.simulation.flows import ROUNDING

if TYPE_CHECKING:
    from observe.policy import OutlierPolicy

LONGEST_EJECTION: Final = 300
"""Seconds that an instance is out at most (`max_ejection_time`)."""
RARE: Final = 0.3
"""Share of failures below which so many in a row hardly happen: five of them once in more than 500 requests."""


@dataclass(frozen=True, slots=True)
class Ejections:
    """What outlier detection did on a link, as each of the caller's proxies saw it."""

    active: tuple[int, ...]
    """Instances that are out, at each scrape."""
    enforced: tuple[int, ...]
    """Ejections between scrapes."""
    refused: tuple[int, ...]
    """Ejections between scrapes that `maxEjectionPercent` did not allow."""

    def __bool__(self) -> bool:
        return any(self.active) or any(self.enforced) or any(self.refused)


@dataclass(frozen=True, slots=True)
class Tries:
    """What the caller's proxies see of the instances in a tick."""

    each: float
    """Requests that one proxy sends to one instance in the tick."""
    failing: float
    """Share that fails, of all requests to all instances."""
    bad: int
    """Instances that fail everything, those that are out among them."""


@dataclass(slots=True)
class Detector:
    """The outlier detection of a link."""

    outlier: OutlierPolicy
    instances: int
    _returns: list[float] = field(default_factory=list)
    """When those that are out come back, in seconds."""
    _times: int = 0
    """How often it ejected; each time for longer."""
    _progress: float = 0
    """Requests to an instance since it last counted to the end."""
    _active: list[int] = field(default_factory=list)
    _enforced: Counter[int] = field(default_factory=Counter)
    _refused: Counter[int] = field(default_factory=Counter)

    @property
    def out(self) -> int:
        """Instances that are out."""
        return len(self._returns)

    def let_in(self, now: float) -> None:
        """Let those instances back in whose time is over."""
        if self._returns:
            self._returns = [time for time in self._returns if time > now + ROUNDING]

    def note(self) -> None:
        """A scrape comes."""
        self._active.append(self.out)

    def watch(self, tries: Tries, scrape: int, until: float) -> None:
        """See the requests of a tick that ends at a second, between one scrape and the next."""
        suspects, trials = self._suspects(tries)
        if not suspects:
            self._progress = 0
            return
        self._progress += tries.each
        rounds = int(self._progress // trials)
        if rounds:
            self._progress -= rounds * trials
            self._judge(suspects, rounds, scrape, until)

    def ejections(self, scrapes: int) -> Ejections:
        between = range(scrapes - 1)
        return Ejections(
            tuple(self._active),
            tuple(self._enforced[scrape] for scrape in between),
            tuple(self._refused[scrape] for scrape in between),
        )

    def _suspects(self, tries: Tries) -> tuple[int, float]:
        """How many instances fail often enough in a row, and after how many requests."""
        left, bad = self.instances - self.out, max(tries.bad - self.out, 0)
        consecutive = self.outlier.consecutive_5xx.value
        others = max((tries.failing * left - bad) / (left - bad), 0.0) if left > bad else 1.0
        if others >= RARE:
            return left, _until_in_a_row(others, consecutive)
        return bad, float(consecutive)

    def _judge(self, suspects: int, rounds: int, scrape: int, until: float) -> None:
        """Eject as many as may be: `100 * (ejected + 1) / hosts <= max_ejection_percent`."""
        allowed = self.outlier.max_ejection_percent.value * self.instances // 100
        ejected = min(suspects, max(allowed - self.out, 0))
        if ejected:
            self._times += 1
            lasts = min(self.outlier.base_ejection_time.value / 1000 * self._times, LONGEST_EJECTION)
            self._returns += [until + lasts] * ejected
            self._enforced[scrape] += ejected
        self._refused[scrape] += (suspects - ejected) * (1 if ejected else rounds)


def _until_in_a_row(failing: float, consecutive: int) -> float:
    """Requests until so many in a row have failed, on average."""
    if failing > 1 - ROUNDING:
        return float(consecutive)
    return math.ceil((1 - failing**consecutive) / ((1 - failing) * failing**consecutive))
