"""Budgets that are used up too fast: each pair of windows alone.

The windows reach from an hour to three days, which no test that runs in seconds can hold. So the records of the shares
are given here, instead of measured; that the records say what they should is proven with the records of the mesh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe import policy
from observe.model import format_duration
from observe.proofs.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.policy import Burn, Speed
    from observe.proofs.stage import Stage

BELOW: Final = 0.9
ABOVE: Final = 1.1
ONE: Final = 1.35
"""What one bad request looks like at most, and less than two."""
TWO: Final = 1.65
BEGIN: Final = 3.0
FAST: Final = 4.0
"""Minutes for which both windows are above their limits, so that the alert fires."""
SLOW: Final = 17.0
Phases = tuple[tuple[float, float | None], ...]
KINDS: Final = ("failed", "slow")


def one_request(stage: Stage) -> Scene:
    """All shares are far above their limits, because the one request that there was is bad."""
    scene = Scene(stage, "one bad request uses up the budget", 4)
    for kind in KINDS:
        for burn in _burns(stage, kind, "fast") + _burns(stage, kind, "slow"):
            for window in (burn.long, burn.short):
                scene.feed(_share(kind, window), (4, 1.0))
        scene.feed(_count(kind), (4, ONE))
    return scene


def burning(stage: Stage) -> Scene:
    """Each pair of windows: the long one alone, both, the short one alone."""
    scene = Scene(stage, "budgets burn", BEGIN + 2 * (SLOW + 2) + 3)
    for number, kind in enumerate(KINDS):
        later = number * scene.interval / 60_000
        for record, phases in _phases(stage, kind, BEGIN + later):
            scene.feed(record, *phases)
        scene.feed(_count(kind), (scene.length, TWO))
    return scene


def _phases(stage: Stage, kind: str, begin: float) -> Iterator[tuple[str, Phases]]:
    """The shares of all windows; the slow pairs one after the other, the fast ones while the first slow is above."""
    made: dict[str, list[tuple[float, float | None]]] = {}
    for at, burn in _after_each_other(_burns(stage, kind, "slow"), begin, SLOW + 2):
        low, high = _digits(BELOW * burn.limit), _digits(ABOVE * burn.limit)
        until = at, at + 1, at + 1 + SLOW, at + 2 + SLOW
        last = None if until[3] > begin + SLOW + 2 else low
        _add(made, burn.long, until, (low, high, high, last))
        _add(made, burn.short, until, (low, low, high, high))
    fast = _burns(stage, kind, "fast")
    now = format_duration(stage.slow)
    least = min((burn.limit for burn in fast), default=0.0)
    for at, burn in _after_each_other(fast, begin, FAST + 3):
        low, high = _digits(BELOW * burn.limit), _digits(ABOVE * burn.limit)
        ends = at, at + 1, at + 2, at + 2 + FAST, at + 3 + FAST
        _add(made, burn.long, ends, (low, high, high, high, low))
        _add(made, burn.short, ends, (low, low, low if burn.short == now else high, high, high))
        if burn.short != now:
            # What the last minutes say: the windows are still full of what is over.
            _add(made, now, ends, (_digits(BELOW * least), high, _digits(BELOW * least), high, high))
    for window, phases in made.items():
        yield _share(kind, window), (*phases, (phases[-1][0] + 1, 0.0))


def _after_each_other(burns: tuple[Burn, ...], begin: float, length: float) -> Iterator[tuple[float, Burn]]:
    return ((begin + number * length, burn) for number, burn in enumerate(burns))


def _add(
    made: dict[str, list[tuple[float, float | None]]],
    window: str,
    ends: tuple[float, ...],
    values: tuple[float | None, ...],
) -> None:
    phases = made.setdefault(window, [])
    phases += [(end, value) for end, value in zip(ends, values, strict=True) if not phases or end > phases[-1][0]]


def _burns(stage: Stage, kind: str, speed: Speed) -> tuple[Burn, ...]:
    service, mesh = stage.service, stage.signals.mesh
    budget = policy.availability_budget(service) if kind == "failed" else policy.latency_budget(service)
    return policy.burns(mesh, budget, speed, format_duration(stage.slow)) if budget else ()


def _share(kind: str, window: str) -> str:
    return f"service:istio_requests_{kind}:ratio_rate{window}"


def _count(kind: str) -> str:
    return f"service:istio_requests_{kind}:increase1h"


def _digits(value: float) -> float:
    return float(f"{value:.5g}")
