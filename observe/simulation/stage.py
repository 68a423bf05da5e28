"""What every recorder of a simulated mesh needs: the course of events, and how its rates become counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from observe.simulation.conditions import together
from observe.simulation.engine import TICKS
from observe.simulation.flows import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from observe.model import Inventory, Mesh
    from observe.simulation.conditions import Conditions, Effect
    from observe.simulation.engine import Course, Engine, Moment
    from observe.simulation.flows import Flow
    from observe.simulation.recorder import Recorder

_counted = lru_cache(maxsize=4_096)(counted)
# The same tuple for all streams of equal rates.


@dataclass(frozen=True)
class Timeline:
    """Which effects of an incident hold when."""

    effects: tuple[Effect, ...]
    begin: float
    """Seconds at which the incident begins."""
    lasts: float
    """Seconds."""

    @cached_property
    def _known(self) -> dict[tuple[int, ...], Conditions]:
        return {}

    def span(self, effect: Effect) -> tuple[float, float]:
        """The seconds between which an effect holds."""
        end = self.lasts if effect.end is None else effect.end * 60
        return self.begin + effect.begin * 60, self.begin + end

    def at(self, second: float) -> Conditions:
        """What is wrong at a second; the same object for the same effects."""
        spans = map(self.span, self.effects)
        holding = tuple(index for index, (begin, end) in enumerate(spans) if begin <= second < end)
        if holding not in self._known:
            self._known[holding] = together(self.effects[index] for index in holding)
        return self._known[holding]


@dataclass(frozen=True)
class Stage:
    """A course of the mesh, and the recorder that is told of it."""

    inventory: Inventory
    engine: Engine
    course: Course
    timeline: Timeline
    recorder: Recorder
    epoch: int
    """The first scrape's time, in seconds since 1970."""

    @property
    def mesh(self) -> Mesh:
        return self.inventory.mesh

    @property
    def step(self) -> int:
        return self.recorder.step

    @property
    def scrapes(self) -> int:
        return len(self.course.scrapes) + 1

    @property
    def first(self) -> int:
        """The moment before anything happens."""
        return self.course.scrapes[0][0]

    def flow(self, rates: Sequence[float]) -> Flow:
        """Events between scrapes, from the rate per second in each moment of the course."""
        mixes, succession = self._mixes
        means = [sum(rates[place] for place in ticks) / TICKS for ticks in mixes]
        return _counted(tuple(means[mix] for mix in succession), self.step)

    def flow_of(self, rate: Callable[[Moment], float]) -> Flow:
        """The same, from what each moment makes the rate."""
        return self.flow([rate(moment) for moment in self.course.moments])

    def steadily(self, rate: float) -> Flow:
        """Events between scrapes at one rate per second."""
        return _counted((rate,) * (self.scrapes - 1), self.step)

    def values(self, value: Callable[[Conditions], float]) -> tuple[float, ...]:
        """A value at each scrape, from the conditions then."""
        return tuple(value(self.timeline.at(scrape * self.step)) for scrape in range(self.scrapes))

    def events(self, rate: Callable[[Conditions], float]) -> Flow:
        """Events between scrapes, from what the conditions make the rate per second."""
        return _counted(self.values(rate)[:-1], self.step)

    @cached_property
    def _mixes(self) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]:
        """The different successions of moments between two scrapes, and which of them is where."""
        known = {ticks: place for place, ticks in enumerate(dict.fromkeys(self.course.scrapes))}
        return tuple(known), tuple(known[ticks] for ticks in self.course.scrapes)
