"""A mesh that goes on for ever: ordinary hours, and incidents when somebody asks for one."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from observe.errors import UsageError
from observe.replay.player import Cue, Player
from observe.replay.recording import recording
from observe.simulation import incident, incidents, simulate

if TYPE_CHECKING:
    from collections.abc import Callable

    from observe.model import Inventory
    from observe.replay.recording import Line, Recording
    from observe.simulation import Incident

LEAD: Final = 4
"""Scrapes before an incident that are simulated with it, and not played."""
AFTERMATH: Final = 10
"""Minutes after an incident that belong to it: ejected instances come back, loops end."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An incident in time; moments are seconds of the mesh's clock."""

    incident: Incident
    begin: float

    @property
    def end(self) -> float:
        return self.begin + self.incident.lasts * 60


@dataclass(frozen=True, slots=True)
class State:
    """What is going on."""

    seconds: float
    """What the mesh's clock shows: seconds since it began, `speed` of them in one second of ours."""
    speed: float
    series: int
    """How many there are now."""
    happening: Happening | None
    """The incident that is to come or under way."""


class Mesh:
    """The telemetry of an inventory's mesh, now. It may be asked and told from several threads.

    `clock` gives seconds that never go back, `now` the seconds since 1970 that certificates expire by.
    """

    def __init__(
        self,
        inventory: Inventory,
        *,
        speed: float = 1,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.inventory = inventory
        self.speed = speed
        self._clock, self._now = clock, now
        self._turn = threading.Lock()
        """Held by whoever changes what happens: simulating takes seconds, in which scrapes go on."""
        self._lock = threading.Lock()
        """Held while the player is used."""
        self._happening: Happening | None = None
        self._ordinary = recording(simulate(inventory, epoch=int(now())))
        self._began = clock()
        self._player = Player(Cue(0, self._ordinary))

    def samples(self) -> list[tuple[Line, float]]:
        """What a scrape of everything brings."""
        with self._lock:
            return list(self._player.samples(self._seconds()))

    def state(self) -> State:
        with self._lock:
            seconds = self._seconds()
            count = sum(1 for _ in self._player.samples(seconds))
            return State(seconds, self.speed, count, self._current(seconds))

    @cached_property
    def possible(self) -> tuple[Incident, ...]:
        """The incidents that can happen here."""
        return incidents(self.inventory)

    def happen(self, name: str, *, after: float = 0, lasts: float | None = None) -> State:
        """Let an incident of the catalogue happen; one that is under way ends at once.

        `after` and `lasts` are minutes of the mesh's clock; incidents say themselves how long they last. Raises
        UsageError for a name that there is none of, and Impossible for what cannot happen in this inventory.
        """
        found = incident(self.inventory, name)
        wanted = found if lasts is None else lasting(found, lasts)
        with self._turn:
            film = self._film(wanted)
            with self._lock:
                seconds = self._seconds()
                self._happening = Happening(wanted, seconds + after * 60)
                self._player.play(seconds, Cue(seconds, self._ordinary, seconds), *self._cues(film, self._happening))
        return self.state()

    def recover(self) -> State:
        """End the incident that is under way, or drop the one to come. Raises UsageError when there is neither."""
        with self._turn:
            with self._lock:
                seconds = self._seconds()
                current = self._current(seconds)
            if current is None:
                raise UsageError("no incident is under way")
            ended = lasting(current.incident, max(seconds - current.begin, 0) / 60)
            film = self._film(ended)
            with self._lock:
                seconds = self._seconds()
                self._happening = None
                if seconds < current.begin:
                    self._player.play(seconds, Cue(seconds, self._ordinary, seconds))
                else:
                    self._player.play(seconds, *self._cues(film, Happening(ended, current.begin), seconds))
        return self.state()

    def _film(self, wanted: Incident) -> Recording:
        """An incident with what comes after it; it begins after LEAD scrapes."""
        step = self._ordinary.step
        lead = LEAD * step / 60
        simulated = simulate(
            self.inventory,
            wanted,
            minutes=lead + wanted.lasts + AFTERMATH,
            begin=lead,
            step=step,
            epoch=int(self._now()) - LEAD * step,
        )
        return recording(simulated)

    def _cues(self, film: Recording, happening: Happening, now: float | None = None) -> tuple[Cue, Cue]:
        """An incident, from its beginning or from where it is now, and ordinary times after it."""
        lead = LEAD * film.step
        begin = happening.begin if now is None else now
        end = max(happening.begin + film.seconds - lead, begin)
        return Cue(begin, film, lead + begin - happening.begin), Cue(end, self._ordinary, end)

    def _current(self, seconds: float) -> Happening | None:
        return self._happening if self._happening and seconds < self._happening.end else None

    def _seconds(self) -> float:
        return (self._clock() - self._began) * self.speed


def lasting(wanted: Incident, minutes: float) -> Incident:
    """An incident that lasts so many minutes: none of its effects holds longer."""
    effects = tuple(
        effect if effect.end is None else replace(effect, end=min(effect.end, minutes)) for effect in wanted.effects
    )
    return replace(wanted, effects=effects, lasts=minutes)
