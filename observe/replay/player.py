"""Recordings played one after another as if they were one: counters go on where the one before left them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.replay.recording import Key, Line, Recording


@dataclass(frozen=True, slots=True)
class Cue:
    """A recording that is played from a moment on, until there is another one."""

    begin: float
    """The moment, in seconds."""
    recording: Recording
    start: float = 0
    """Where in the recording it begins, in seconds. Behind its end it begins anew."""


@dataclass(slots=True)
class Player:
    """Plays cues. Moments are seconds of one clock, and must not go back."""

    playing: Cue
    _next: list[Cue] = field(default_factory=list)
    _offsets: dict[Key, float] = field(default_factory=dict)
    """What a counter shows, less what its recording counts: of each counter of the recording that is played."""
    _known: frozenset[Key] = frozenset()
    """Counters that were exposed before the recording that is played."""
    _left: dict[Key, tuple[Line, float]] = field(default_factory=dict)
    """Counters that the recording does not know, with their last values: a proxy keeps what it ever counted."""

    def __post_init__(self) -> None:
        self._take(self.playing, {})

    def play(self, now: float, *cues: Cue) -> None:
        """Play these, in order of their moments, instead of what was to come."""
        self._catch_up(now)
        self._next = list(cues)
        self._catch_up(now)

    def samples(self, now: float) -> Iterator[tuple[Line, float]]:
        """What is exposed at a moment."""
        self._catch_up(now)
        recording = self.playing.recording
        lap, scrape, part = _place(self.playing, now)
        for key, line in recording.lines.items():
            if not line.exposed(scrape):
                continue
            if not line.counts:
                yield line, line.gauge(scrape)
            else:
                yield line, _rounded(line, self._offsets[key] + _counted(line.counts, lap, scrape, part))
        for line, value in self._left.values():
            if recording.answers(line.target, scrape):
                yield line, value

    def _catch_up(self, now: float) -> None:
        while self._next and self._next[0].begin <= now:
            cue = self._next.pop(0)
            self._take(cue, dict(self._counters(cue.begin)))

    def _counters(self, now: float) -> Iterator[tuple[Key, tuple[Line, float]]]:
        """What all counters stand at that were ever exposed."""
        lap, scrape, part = _place(self.playing, now)
        for key, offset in self._offsets.items():
            line = self.playing.recording.lines[key]
            if key in self._known or lap or scrape >= line.first:
                yield key, (line, _rounded(line, offset + _counted(line.counts, lap, scrape, part)))
        yield from self._left.items()

    def _take(self, cue: Cue, before: dict[Key, tuple[Line, float]]) -> None:
        """Go on with a recording, from what counters stood at before."""
        place = _place(cue, cue.begin)
        self._offsets = {}
        for key, line in cue.recording.lines.items():
            if line.counts:
                stood = before[key][1] if key in before else line.values[0] or 0.0
                since = _counted(line.counts, *place) if key in before else 0.0
                self._offsets[key] = stood - since
        self._known = frozenset(before)
        self._left = {key: found for key, found in before.items() if key not in cue.recording.lines}
        self.playing = cue


def _place(cue: Cue, now: float) -> tuple[int, int, float]:
    """Where in its recording a cue is at a moment: the lap, the scrape, and the part of the way to the next one."""
    recording = cue.recording
    lap, second = divmod(cue.start + now - cue.begin, recording.seconds)
    scrape, rest = divmod(second, recording.step)
    return int(lap), int(scrape), rest / recording.step


def _counted(counts: tuple[float, ...], lap: int, scrape: int, part: float) -> float:
    """What was counted since a recording began, laps included."""
    here, there = counts[scrape], counts[scrape + 1]
    return lap * counts[-1] + here + part * (there - here)


def _rounded(line: Line, value: float) -> float:
    """Down to what it would really show: nobody counts half a request."""
    return math.floor(value + 1e-6) if line.whole else value
