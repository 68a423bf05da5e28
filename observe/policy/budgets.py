"""How fast the budget of an objective may be used up: windows and factors of burn-rate alerts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from observe.model import Mesh, Service

Speed = Literal["fast", "slow"]


@dataclass(frozen=True, slots=True)
class Burn:
    """Budget that is used up too fast: the share of bad requests is above a limit over both windows."""

    long: str
    """The window that says it matters."""
    short: str
    """The window that says it still goes on."""
    limit: float
    """Share of bad requests; below 1, or it could never be reached."""
    used: float
    """Share of the whole budget that is gone when the long window is full of it."""
    factor: float
    """How many times too fast."""


@dataclass(frozen=True, slots=True)
class _Pace:
    used: float
    long: str
    hours: int
    short: str


PACES: Final[dict[Speed, tuple[_Pace, ...]]] = {
    "fast": (_Pace(0.02, "1h", 1, ""), _Pace(0.05, "6h", 6, "30m")),
    "slow": (_Pace(0.10, "1d", 24, "2h"), _Pace(0.10, "3d", 72, "6h")),
}
"""The shares of the budget, and the windows, that the SRE workbook recommends (chapter 5, table 5-8). The shortest
window is the one that rates are recorded over."""


def burns(mesh: Mesh, budget: float, speed: Speed, window: str) -> tuple[Burn, ...]:
    """What uses up a budget (a share of the requests) too fast; `window` is the recorded one.

    The workbook's factors, 14.4, 6, 3 and 1, are those of 30 days; of 28 days they are 13.44, 5.6, 2.8 and 0.933.
    Those that not even an outage reaches are left out.
    """
    made = (_burn(mesh, budget, pace, window) for pace in PACES[speed])
    return tuple(burn for burn in made if burn.limit < 1)


def _burn(mesh: Mesh, budget: float, pace: _Pace, window: str) -> Burn:
    factor = pace.used * mesh.objective_days * 24 / pace.hours
    return Burn(pace.long, pace.short or window, round(factor * budget, 9), pace.used, round(factor, 3))


def availability_budget(service: Service) -> float | None:
    """The share of requests that may fail; None for a service that promises no availability."""
    promised = service.objectives.availability
    return None if promised is None else round(1 - promised, 9)


def latency_budget(service: Service) -> float | None:
    """The share of requests that may be slow. Only who promises an availability is held to it over the days."""
    objectives = service.objectives
    return None if objectives.availability is None else round(1 - objectives.latency.quantile, 9)
