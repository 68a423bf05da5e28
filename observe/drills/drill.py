"""A drill: an incident is simulated, the generated rules are played on it, and Alertmanager's routes on what fires."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from observe import alertmanager
from observe.alerting import Alert, rule_groups
from observe.alertmanager.routes import page_receiver, ticket_receiver
from observe.drills.extent import Extent
from observe.drills.notifications import News, notifications
from observe.drills.outcome import Fired, Notice, Outcome, Told
from observe.drills.usual import NAMES, usual_rules
from observe.graph import Graph
from observe.render.rules import rule_file
from observe.signals import catalogue
from observe.simulation import simulate
from observe.simulation.cast import Cast
from observe.simulation.fleet import BEGIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from observe.alertmanager import Configuration
    from observe.drills.extent import Part
    from observe.drills.notifications import Notification
    from observe.drills.promtool import Played, Promtool
    from observe.drills.report import Pairs
    from observe.model import Inventory, Service
    from observe.signals import Catalogue
    from observe.simulation import Incident

AT_A_TIME: Final = 2
"""Runs of promtool; each keeps one core and some hundred megabytes busy."""
AFTER: Final = 35
"""Minutes that are watched when it is over: longer than the shorter window of anything that pages, half an hour of the
fast burn rate over six hours."""
ORDINARY: Final = 60
"""Minutes of a drill without an incident."""


@dataclass(frozen=True)
class Drill:
    """Plays incidents of one inventory."""

    inventory: Inventory
    promtool: Promtool
    whole: bool = False
    """Evaluate the alerts of every service, also of those whose telemetry is that of an ordinary hour."""

    def play(self, incident: Incident | None) -> Outcome:
        """What comes of an incident; of None, an ordinary hour. The same incident gives the same outcome.

        Raises Rejected when promtool cannot evaluate the rules, and Unreachable when it takes too long.
        """
        minutes = BEGIN + incident.lasts + AFTER if incident else ORDINARY
        happened = simulate(self.inventory, incident, minutes=minutes)
        touched = self.inventory.services
        if incident and not self.whole:
            touched = self._extent.touched(simulate(self.inventory, minutes=minutes), happened)
        played = self._played(self._extent.parts(touched, happened))
        begin, end = (BEGIN * 60, (BEGIN + incident.lasts) * 60) if incident else (0, minutes * 60)
        ours = [one for one in played if _name(one) not in NAMES]
        return Outcome(
            incident=incident,
            resolution=self._interval,
            related=self._related(incident),
            touched=tuple(service.id for service in touched),
            alerts=self._fired(ours, begin, end),
            told=self._told(ours, begin, minutes * 60, inhibit=True),
            uninhibited=self._told(ours, begin, minutes * 60, inhibit=False),
            usual=self._fired((one for one in played if _name(one) in NAMES), begin, end),
        )

    def _related(self, incident: Incident | None) -> frozenset[str]:
        if incident is None:
            return frozenset()
        cast = Cast(self.inventory)
        known = {*incident.services, *(subject for _, subject in incident.expects)}
        services = [self.inventory.by_id[name] for name in known if name]
        return frozenset(known.union(*(cast.waiting(service) for service in services)))

    @cached_property
    def _graph(self) -> Graph:
        return Graph(self.inventory)

    @cached_property
    def _signals(self) -> Catalogue:
        return catalogue(self.inventory)

    @cached_property
    def _extent(self) -> Extent:
        return Extent(self._graph)

    @cached_property
    def _configuration(self) -> Configuration:
        groups = rule_groups(self._graph, self._signals)
        alerts = [rule for group in groups for rule in group.rules if isinstance(rule, Alert)]
        return alertmanager.configuration(self.inventory, self._graph, alerts)

    @property
    def _interval(self) -> int:
        """Seconds between two evaluations."""
        return max(self.inventory.mesh.prometheus.evaluation_interval // 1000, 1)

    def _played(self, parts: Iterable[Part]) -> list[Played]:
        """The alerts of all parts, in the order in which they fire. Those of the mesh fire in every part, and alike."""
        played = self._workers.map(self._part, parts)
        found = {(one.firing.fires_at, one.firing.labels): one for own in played for one in own}
        return [found[key] for key in sorted(found)]

    def _part(self, part: Part) -> tuple[Played, ...]:
        return self.promtool.play(part.telemetry, self._rules(part.services), interval=self._interval)

    @cached_property
    def _workers(self) -> ThreadPoolExecutor:
        """Threads that wait for a promtool each, whatever the number of incidents that are played."""
        return ThreadPoolExecutor(AT_A_TIME, "promtool")

    def _rules(self, services: Sequence[Service]) -> dict[str, Any]:
        """The generated rules of the mesh and of these services, and the usual ones after them."""
        ours = rule_file(rule_groups(self._graph, self._signals, services))
        return {"groups": [*ours["groups"], usual_rules()]}

    def _fired(self, played: Iterable[Played], begin: float, end: float) -> tuple[Fired, ...]:
        """Each alert once, however often it fired."""
        spans: dict[Pairs, list[Played]] = {}
        for one in played:
            spans.setdefault(one.firing.labels, []).append(one)
        return tuple(self._merged(own, begin, end) for own in spans.values())

    def _merged(self, own: Sequence[Played], begin: float, end: float) -> Fired:
        first, last = own[0], own[-1].firing
        return Fired(
            labels=first.firing.labels,
            subject=self._subject(first.firing.labels),
            after=first.firing.fires_at - begin,
            resolved_after=None if last.resolves_at is None else last.resolves_at - end,
            times=len(own),
            said=first.annotations,
        )

    def _told(self, played: Iterable[Played], begin: float, until: float, *, inhibit: bool) -> Told:
        sent = notifications([one.firing for one in played], self._configuration, until, inhibit=inhibit)
        opened = [one for one in sent if one.news is News.OPENED]
        pages = tuple(self._notice(one, begin) for one in opened if one.receiver in self._paged)
        return Told(pages, tuple(self._notice(one, begin) for one in opened if one.receiver not in self._paged))

    def _notice(self, sent: Notification, begin: float) -> Notice:
        alerts = sorted({dict(labels)["alertname"] for labels in sent.firing})
        team = self._paged.get(sent.receiver) or self._ticketed.get(sent.receiver, "")
        return Notice(team, sent.at - begin, self._subject(sent.group), tuple(alerts))

    @cached_property
    def _teams(self) -> tuple[str, ...]:
        owners = {service.owner for service in self.inventory.services} | {self.inventory.mesh.owner}
        return tuple(sorted(owners))

    @cached_property
    def _paged(self) -> Mapping[str, str]:
        """The teams by the receivers that wake them."""
        return {page_receiver(team): team for team in self._teams}

    @cached_property
    def _ticketed(self) -> Mapping[str, str]:
        return {ticket_receiver(team): team for team in self._teams}

    def _subject(self, labels: Pairs) -> str:
        named = dict(labels)
        service = f"{named.get('namespace')}/{named.get('service')}"
        return service if service in self.inventory.by_id else ""


def _name(played: Played) -> str:
    return dict(played.firing.labels)["alertname"]
