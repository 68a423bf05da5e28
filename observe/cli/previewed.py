"""Whom a preview asks: a Prometheus that is there, or one that is started for a simulated incident."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from observe.drills.table import ORDINARY, duration
from observe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.clients.prometheus import PrometheusClient
    from observe.clients.prometheus_access import PrometheusAccess
    from observe.model import Inventory
    from observe.simulation import Incident

HOUR: Final = 3_600.0
DAY: Final = 24 * HOUR
LONGEST: Final = 2 * DAY
"""Of a simulation: it is held in memory."""


@dataclass(frozen=True, slots=True)
class Answering:
    """Who answers, and for which time."""

    client: PrometheusClient
    end: float
    """In seconds since 1970."""
    seconds: float | None
    """How far back; None where each dashboard has its own reach."""


@dataclass(frozen=True, slots=True)
class Live:
    """A Prometheus that is there."""

    access: PrometheusAccess
    end: float
    seconds: float | None

    @contextmanager
    def answering(self) -> Iterator[Answering]:
        from observe.clients.prometheus import PrometheusClient  # late: see program.COMMANDS

        with PrometheusClient(self.access) as client:
            yield Answering(client, self.end, self.seconds)


@dataclass(frozen=True, slots=True)
class Simulated:
    """An incident, or an ordinary day, in a Prometheus of its own."""

    inventory: Inventory
    incident: Incident | None
    seconds: float
    """How much is shown."""
    before: float
    """How much is simulated before that."""
    program: str

    def __post_init__(self) -> None:
        if self.seconds + self.before > LONGEST:
            raise UsageError(
                f"--range and --history ask for {duration(self.seconds + self.before)} of simulation; "
                f"together they may be {duration(LONGEST)} at most"
            )

    @contextmanager
    def answering(self) -> Iterator[Answering]:
        from observe.drills.staging import staged, staging

        plan = staging(self.inventory.mesh, self.seconds, self.before)
        story = self.incident.story if self.incident else "Nothing happens."
        click.echo(f"simulating {duration(plan.seconds)}. {story}", err=True)
        with staged(self.inventory, self.incident, plan, program=self.program) as lab:
            click.echo(f"{lab.samples} samples, and what the rules make of them, are in a Prometheus", err=True)
            yield Answering(lab.client, lab.end, self.seconds)


def incident(inventory: Inventory, name: str, service: str | None) -> Incident | None:
    """The incident of that name; None for an ordinary day. Raises UsageError for one that cannot happen there."""
    from observe.drills.chosen import chosen

    if name != ORDINARY:
        return chosen(inventory, name, service)
    if service:
        raise UsageError(f"--service belongs to an incident; on an {ORDINARY} day nothing happens to anybody")
    return None


def moment(at: str | None) -> float:
    """Seconds since 1970."""
    from datetime import UTC, datetime

    if at is None:
        return float(int(time.time()))
    try:
        return float(at)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        raise UsageError(f"--at {at} is no time: write 2026-03-01T12:00:00Z, or seconds since 1970") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def seconds(option: str, length: str | None) -> float | None:
    """Of a duration that an option may have."""
    from observe.preview import time_range

    if length is None:
        return None
    found = time_range.seconds(length)
    if not found:
        raise UsageError(f"{option} {length} is no duration: write one such as 90m, 6h or 7d")
    return found
