"""What an incident is, before and after it is known whom it happens to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe.simulation.expected import Expectation, expected

if TYPE_CHECKING:
    from collections.abc import Callable

    from observe.model import Service
    from observe.simulation.cast import Cast
    from observe.simulation.conditions import Effect

LASTS: Final = 20
"""Minutes of an incident that says nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that happens to the services of one inventory."""

    name: str
    title: str
    story: str
    """What happens, in a sentence or two, with the names of those it happens to."""
    services: tuple[str, ...]
    """Ids of the services at its root; none where it is about the mesh."""
    effects: tuple[Effect, ...]
    lasts: float = LASTS
    """Minutes."""
    expects: tuple[Expectation, ...] = ()
    """The alerts that must fire at least: name, and service id (empty for those about the mesh)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a plan makes of an inventory."""

    story: str
    services: tuple[Service, ...] = ()
    effects: tuple[Effect, ...]
    alerts: tuple[Expectation, ...] = ()
    """Those that must fire besides what failing and slow requests lead to."""
    worst: tuple[Effect, ...] | None = None
    """The effects that requests are judged by; all when absent. None of them, where the circuit breaker helps, or too
    few requests are left to judge by."""
    lasts: float = LASTS


@dataclass(frozen=True, slots=True)
class Plan:
    """An incident before it is known whom it happens to."""

    name: str
    title: str
    about: str
    """What happens, in a sentence or two."""
    scene: Callable[[Cast], Scene]

    def cast(self, cast: Cast) -> Incident:
        """The incident as it happens in an inventory. Raises Impossible where it cannot."""
        scene = self.scene(cast)
        judged = expected(cast, scene.effects if scene.worst is None else scene.worst)
        return Incident(
            name=self.name,
            title=self.title,
            story=scene.story,
            services=tuple(service.id for service in scene.services),
            effects=scene.effects,
            lasts=scene.lasts,
            expects=tuple(dict.fromkeys((*scene.alerts, *judged))),
        )


def plan(name: str, title: str) -> Callable[[Callable[[Cast], Scene]], Plan]:
    """Make a plan of a function, whose docstring says what happens."""

    def planned(scene: Callable[[Cast], Scene]) -> Plan:
        return Plan(name, title, " ".join((scene.__doc__ or "").split()), scene)

    return planned
