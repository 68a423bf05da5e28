"""What came of a drill: who was told what, and when. Times are in seconds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe.drills.usual import WAIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from observe.drills.report import Pairs
    from observe.simulation import Incident
    from observe.simulation.expected import Expectation


LATE: Final = 60
"""What fires at the incident's last moment still waits for its group."""


@dataclass(frozen=True, slots=True)
class Fired:
    """An alert that fired."""

    labels: Pairs
    """With `alertname`."""
    subject: str
    """The id of the service that it is about; empty for the mesh."""
    after: float
    """From the beginning of the incident to when it fired; negative when that was before."""
    resolved_after: float | None
    """From the incident's end; negative when that was before the end, None when it fires until the drill ends."""
    times: int
    """How often it began to fire."""
    said: Pairs
    """Its annotations when it first fired."""

    @property
    def name(self) -> str:
        return self._label("alertname")

    @property
    def team(self) -> str:
        return self._label("team")

    @property
    def severity(self) -> str:
        return self._label("severity")

    def _label(self, name: str) -> str:
        return dict(self.labels).get(name, "")


@dataclass(frozen=True, slots=True)
class Notice:
    """A new page or ticket; what is told later of the same matter is not counted."""

    team: str
    after: float
    """From the beginning of the incident."""
    subject: str
    """The id of the service that it is about; empty for the mesh."""
    alerts: tuple[str, ...]
    """The names of the alerts that fire in it."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who was told of an incident."""

    pages: tuple[Notice, ...]
    tickets: tuple[Notice, ...]

    @property
    def by_team(self) -> Mapping[str, int]:
        """Pages of each team that was paged."""
        return dict(sorted(Counter(page.team for page in self.pages).items()))


@dataclass(frozen=True, slots=True)
class Outcome:
    """An incident, and what came of it."""

    incident: Incident | None
    """None: an ordinary hour."""
    resolution: int
    """How exact the times are: the interval at which rules are evaluated."""
    related: frozenset[str]
    """Ids of the services that the incident happens to, of those that an alert is expected of, and of all that wait
    for one of them."""
    touched: tuple[str, ...]
    """Ids of the services whose alerts were evaluated; those of the mesh always are."""
    alerts: tuple[Fired, ...]
    """In the order in which they fired."""
    told: Told
    uninhibited: Told
    """What would have been sent if no alert muted another."""
    usual: tuple[Fired, ...]
    """The alerts that are usually written."""

    @property
    def fires_after(self) -> float | None:
        """How long it takes until the first critical alert fires; None: none does."""
        return first_critical(self.alerts)

    @property
    def pages_after(self) -> float | None:
        """How long it takes until somebody is paged."""
        return min((page.after for page in self.told.pages), default=None)

    @property
    def usual_pages_after(self) -> float | None:
        """How long it takes until one of the usual alerts pages because of the incident."""
        fires = first_critical(alert for alert in self.usual if alert.after >= 0)
        return None if fires is None else fires + WAIT

    @property
    def missing(self) -> tuple[Expectation, ...]:
        """The alerts that were expected and did not fire after the incident began."""
        fired = {(alert.name, alert.subject) for alert in self.alerts if alert.after >= 0}
        expects = self.incident.expects if self.incident else ()
        return tuple(one for one in expects if one not in fired)

    @property
    def unexpected(self) -> tuple[Notice, ...]:
        """Pages that nobody would expect: before the incident, when it is over, or about somebody unrelated."""
        latest = (self.incident.lasts * 60 if self.incident else 0) + LATE
        return tuple(
            page for page in self.told.pages if not 0 <= page.after <= latest or page.subject not in self.related
        )

    @property
    def passed(self) -> bool:
        return not self.missing and not self.unexpected


def first_critical(alerts: Iterable[Fired]) -> float | None:
    """When the first critical one of them fires."""
    return min((alert.after for alert in alerts if alert.severity == "critical"), default=None)
