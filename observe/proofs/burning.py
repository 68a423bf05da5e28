"""Budgets that are used up too fast: each pair of windows alone.

The windows reach from an hour to three days, which no test that runs in seconds can hold. So the records of the shares
are given here, instead of measured; that the records say what they should is proven with the records of the mesh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe import policy, telemetry
from observe.model import format_duration
from observe.proofs.scale import ABOVE, BELOW, MINUTE
from observe.proofs.scene import Scene
from observe.proofs.stage import BATCH
from observe.signals import service_labels
from observe.signals.requests import CALLER_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.policy import Burn, Speed
    from observe.proofs.stage import Stage

ONE: Final = 1.35
"""What one bad request looks like at most, and less than two."""
TWO: Final = 1.65
"""Enough for a ticket."""
FOUR: Final = 4.1
FIVE: Final = 4.9
"""Enough for a page."""
BEGIN: Final = 3.0
FAST: Final = 4.0
"""Minutes for which both windows are above their limits, so that the alert fires."""
SLOW: Final = 17.0
Phases = tuple[tuple[float, float], ...]
KINDS: Final = ("failed", "slow")


def one_request(stage: Stage) -> Scene:
    """All shares are far above their limits, because the one request that there was is bad."""
    return _bad(Scene(stage, "one bad request uses up the budget", 4), ONE, "fast", "slow")


def four_requests(stage: Stage) -> Scene:
    """The same with four: none of them need wake anybody."""
    return _bad(Scene(stage, "four bad requests use up the budget", 4), FOUR, "fast")


def _bad(scene: Scene, count: float, *speeds: Speed) -> Scene:
    """All shares are at their highest, over the windows of these speeds."""
    for kind in KINDS:
        burns = (burn for speed in speeds for burn in _burns(scene.stage, kind, speed))
        for window in dict.fromkeys(window for burn in burns for window in (burn.long, burn.short)):
            scene.feed(_share(kind, window), (scene.length, 1.0))
        scene.feed(_count(kind), (scene.length, count))
    return scene


def burning(stage: Stage) -> Scene:
    """Each pair of windows: the long one alone, both, the short one alone."""
    scene = Scene(stage, "budgets burn", BEGIN + 2 * (FAST + 2) + FAST + 1 + 2 * (SLOW + 2) + 3)
    for number, kind in enumerate(KINDS):
        later = number * scene.interval / MINUTE
        for record, phases in _phases(stage, kind, BEGIN + later):
            scene.feed(record, *phases)
        # What is added up over six hours looks at whole hours, of which the beginning is one.
        scene.feed(_count(kind), (scene.interval / MINUTE, TWO), (scene.length, FIVE))
    _elsewhere(scene)
    _named(scene)
    return scene


def _elsewhere(scene: Scene) -> None:
    """Others use up all of their budgets, all of the time."""
    for record in tuple(scene.fed):
        scene.elsewhere(record, (scene.length, 1.0 if "ratio" in record else 100.0))


def _named(scene: Scene) -> None:
    """Who is to be named; of records that are given nobody is."""
    stage, signals, service = scene.stage, scene.stage.signals, scene.stage.service
    own = service_labels(service)
    edge = {**dict(zip(CALLER_LABELS, (BATCH.namespace, BATCH.workload), strict=True)), **own}
    scene.mention("Worst caller:", signals.edges.failed, edge, 2.5)
    if service.endpoints:
        operation = {telemetry.ENDPOINT: service.endpoints[0].title, **own}
        scene.mention("Worst endpoint:", signals.endpoints.failed, operation, 1.25)
    if stage.callee:
        callee = service_labels(stage.callee)
        scene.mention("Likely cause:", signals.fast.errors, callee, 0.4)
        scene.mention("Slowest callee:", signals.latency(service.objectives.latency.quantile), callee, 1234)


def _phases(stage: Stage, kind: str, begin: float) -> Iterator[tuple[str, Phases]]:
    """The shares of all windows: one pair after the other, those that page first."""
    made: dict[str, list[tuple[float, float]]] = {}
    at = begin
    fast = _burns(stage, kind, "fast")
    for burn in fast:
        at = _alone_and_together(made, burn, at, FAST)
        if burn is not fast[0]:
            # Both windows are full of what is over: what the last minutes say ends it.
            low, high = _digits(BELOW * burn.limit), _digits(ABOVE * burn.limit)
            for window in (burn.long, burn.short):
                made[window].append((at + FAST + 1, high))
            made[fast[0].short] += [(at + FAST, high), (at + FAST + 1, low)]
            at += FAST + 1
    for burn in _burns(stage, kind, "slow"):
        at = _alone_and_together(made, burn, at, SLOW)
    for window, phases in made.items():
        yield _share(kind, window), (*phases, (phases[-1][0] + 1, 0.0))


def _alone_and_together(made: dict[str, list[tuple[float, float]]], burn: Burn, at: float, length: float) -> float:
    """The long window alone is above the limit, then both are, then the short one alone; gives the end in minutes."""
    low, high = _digits(BELOW * burn.limit), _digits(ABOVE * burn.limit)
    both = at + 1 + length
    made.setdefault(burn.long, []).extend([(at, low), (both, high), (both + 1, low)])
    made.setdefault(burn.short, []).extend([(at + 1, low), (both + 1, high)])
    return both + 1


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
