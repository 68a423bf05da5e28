"""Simulated meshes, and a real Prometheus for each that has seen it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from observe.alerting import rule_groups
from observe.clients.prometheus import Instant
from observe.drills.laboratory import laboratory
from observe.graph import Graph
from observe.inventory import load
from observe.simulation import incident
from tests.conftest import ROOT
from tests.servers.fixtures import require
from tests.servers.prometheus_server import binary
from tests.signals.expected import Accountant
from tests.signals.ledger import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.alerting import Group
    from observe.drills.laboratory import Laboratory
    from observe.simulation import Incident
    from tests.signals.expected import Key

FAILING = (
    "errors", "slow", "overflow", "retry-storm", "ejections-denied", "plaintext", "requests-denied", "egress-blocked",
    "certificate", "authority-certificate", "configuration-rejected", "pushes-failing", "convergence-slow",
    "injection-failing",
)  # fmt: skip
"""All that can go wrong at once without hiding anything from Prometheus."""
NOT_IN_AMBIENT = {"egress-blocked", "certificate", "injection-failing"}
WORLDS = {
    ("shop", "ordinary"): (),
    ("shop", "failing"): FAILING,
    ("shop", "a database is down"): ("leaf-database",),
    ("shop", "slow"): ("payment-latency-spike",),
    ("every-feature", "ordinary"): (),
    ("every-feature", "failing"): FAILING,
    ("ambient", "ordinary"): (),
    ("ambient", "failing"): tuple(name for name in FAILING if name not in NOT_IN_AMBIENT),
}
MINUTES = 120
"""So that also the last hour has no beginning; graphs with steps of up to an hour end with the last scrape."""


@dataclass(frozen=True)
class Seen:
    """A world, and a Prometheus that has seen all of it."""

    world: World
    incidents: tuple[Incident, ...]
    accountant: Accountant
    groups: tuple[Group, ...]
    laboratory: Laboratory

    def now(self, expression: str) -> dict[Key, float]:
        """What a query gives at the last scrape, without the metric's name."""
        answer = self.laboratory.client.ask(Instant(expression, self.laboratory.end))
        return {key_of(series.labels): series.points[-1][1] for series in answer.series}


@contextmanager
def seen(example: str, *names: str) -> Iterator[Seen]:
    """An example in which incidents last all the time; the running test is skipped where there is no Prometheus."""
    require("prometheus")
    inventory = load(str(ROOT / "examples" / example))
    incidents = tuple(incident(inventory, name) for name in names)
    effects = tuple(replace(effect, begin=0, end=None) for one in incidents for effect in one.effects)
    world = World(inventory, effects, MINUTES)
    accountant = Accountant(world)
    groups = rule_groups(Graph(inventory), accountant.signals)
    with laboratory(world.telemetry, groups, program=binary("prometheus")) as lab:
        yield Seen(world, incidents, accountant, groups, lab)


def key_of(labels: tuple[tuple[str, str], ...]) -> Key:
    """Labels of a series, without its name."""
    return frozenset((name, value) for name, value in labels if name != "__name__")
