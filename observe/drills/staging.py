"""A laboratory in the middle of an incident: what somebody who looks at the dashboards then would ask."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe.alerting import rule_groups
from observe.drills.laboratory import EPOCH, laboratory
from observe.drills.throwaway import PROGRAM
from observe.graph import Graph
from observe.signals import catalogue
from observe.signals.catalogue import windows
from observe.simulation import simulate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from observe.drills.laboratory import Laboratory
    from observe.model import Inventory, Mesh
    from observe.simulation import Incident

SCRAPES: Final = 1_500
"""Up to so many, proxies are scraped as often as in the mesh; of a longer time less often. What is simulated and worked
out is held in memory: for 22 services a gigabyte with so many."""
HOUR: Final = 3_600


@dataclass(frozen=True, slots=True)
class Staging:
    """How long the mesh is simulated, and how closely; the incident ends with it."""

    seconds: int
    """A whole number of steps."""
    step: int
    """Seconds between two scrapes."""

    @property
    def minutes(self) -> float:
        return self.seconds / 60

    def begin(self, incident: Incident) -> float:
        """The minute at which an incident begins that is still going on at the last scrape."""
        return max(0.0, self.minutes - incident.lasts + self.step / 60)


def staging(mesh: Mesh, shown: float, before: float = HOUR) -> Staging:
    """For graphs that reach so many seconds back; so many before them are simulated too, for what looks further back:
    averages over the last hour, or a baseline of yesterday.
    """
    whole = shown + before
    usual = max(mesh.prometheus.scrape_interval // 1_000, 1)
    # The shortest rate needs two scrapes; the last step of all may be half of its window, and no longer.
    coarsest = max(windows(mesh)[1] // 2_000, usual)
    step = min(max(usual, -int(-whole // SCRAPES)), coarsest)
    return Staging(-int(-whole // step) * step, step)


@contextmanager
def staged(
    inventory: Inventory, incident: Incident | None, staging: Staging, *, program: str | Path = PROGRAM
) -> Iterator[Laboratory]:
    """Run a laboratory whose end is the worst moment of the incident, or one of an ordinary day.

    Raises what `laboratory` raises.
    """
    begin = staging.begin(incident) if incident else 0
    telemetry = simulate(inventory, incident, minutes=staging.minutes, begin=begin, step=staging.step, epoch=EPOCH)
    with laboratory(telemetry, rule_groups(Graph(inventory), catalogue(inventory)), program=program) as found:
        yield found
