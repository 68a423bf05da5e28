"""What a publish did: what became of every change."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from observe import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from observe.errors import ObserveError
    from observe.publish.plan import Change


class Status(StrEnum):
    """What became of one change."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not tried; the outcome's reason says why."""
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One change and what became of it."""

    change: Change
    status: Status
    reason: str = ""
    """Why it was skipped, refused, or failed."""
    error: ObserveError | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a publish did, in the order of the plan."""

    target: str
    outcomes: tuple[Outcome, ...]
    error: ObserveError | None = None
    """What went wrong besides single objects: before the first of them, or while the books were closed."""
    warning: ObserveError | None = None
    """What went wrong afterwards, and takes nothing from what was published."""

    @property
    def counts(self) -> Mapping[Status, int]:
        """How many outcomes of each status; 0 for those that do not occur."""
        return Counter(outcome.status for outcome in self.outcomes)

    @property
    def exit_code(self) -> int:
        """0 when all is as wanted, 3 when nothing of it could be written, 4 for anything between."""
        counts = self.counts
        missed = counts[Status.FAILED] + counts[Status.SKIPPED] + counts[Status.REFUSED]
        if not missed and self.error is None:
            return errors.EXIT_OK
        return errors.EXIT_PARTLY if counts[Status.DONE] else errors.EXIT_TARGET
