"""What Alertmanager sends, worked out from when alerts fire: its grouping, waiting, muting and repeating, exactly.

After Alertmanager 0.31: `dispatch/dispatch.go` (groups and their timers), `inhibit/inhibit.go` (who is muted), and
`notify/notify.go` (`MuteStage`, `DedupStage.needsUpdate`: what is news to a receiver). Left out is what depends on
how soon a message arrives: alerts are there the moment they fire, a group is forgotten as soon as it is empty
(Alertmanager: within 30 s), and of several sources each mutes until its own end (Alertmanager since 0.30 remembers
one of them, and hears of the others again within Prometheus' resend delay of a minute).
"""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from observe.alertmanager import Configuration, Inhibition, Matcher, Route

Labels: TypeAlias = tuple[tuple[str, str], ...]
"""Labels with their values, sorted."""


@dataclass(frozen=True, slots=True)
class Firing:
    """An alert while it fires."""

    labels: Labels
    """With `alertname`."""
    fires_at: float
    """Seconds from the beginning."""
    resolves_at: float | None = None
    """Seconds; None: it fires until the end."""

    def fires(self, now: float) -> bool:
        return self.fires_at <= now and not self.resolved(now)

    def resolved(self, now: float) -> bool:
        return self.resolves_at is not None and self.resolves_at <= now


class News(StrEnum):
    """What a notification tells its receiver."""

    OPENED = "opened"
    """A group of which the receiver knew nothing that fires: a new page or ticket."""
    CHANGED = "changed"
    """More alerts fire in it, or some are resolved."""
    REPEATED = "repeated"
    """Nothing new; it still fires."""
    RESOLVED = "resolved"
    """Nothing that the receiver knows of fires any more."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One message to one receiver."""

    at: float
    """Seconds from the beginning."""
    receiver: str
    group: Labels
    """The labels that its alerts share because they are grouped by them."""
    news: News
    firing: tuple[Labels, ...]
    """The alerts that fire, sorted."""
    resolved: tuple[Labels, ...]
    """The alerts that are over, sorted."""


def notifications(
    alerts: Iterable[Firing], configuration: Configuration, until: float, *, inhibit: bool = True
) -> tuple[Notification, ...]:
    """What is sent in the first `until` seconds, in order; without `inhibit` as if nothing was ever muted.

    Every receiver counts as having one integration that is also told of what is resolved.
    """
    known = tuple(alerts)
    muters = _muters(known, configuration.inhibitions) if inhibit else {}
    return tuple(_Alertmanager(known, configuration.route, muters).run(until))


@dataclass(slots=True)
class _Told:
    """What a receiver was last told of a group: an entry of Alertmanager's notification log."""

    at: float
    firing: frozenset[Labels]
    resolved: frozenset[Labels]


@dataclass(slots=True)
class _Group:
    """Alerts of one route that agree in the labels it groups by. It is looked at again and again while it has any."""

    key: tuple[int, Labels]
    route: Route
    alerts: dict[Labels, Firing] = field(default_factory=dict)


@dataclass(slots=True)
class _Alertmanager:
    alerts: tuple[Firing, ...]
    route: Route
    muters: Mapping[Labels, Sequence[Firing]]
    groups: dict[tuple[int, Labels], _Group] = field(default_factory=dict)
    told: dict[tuple[int, Labels], _Told] = field(default_factory=dict)

    def run(self, until: float) -> Iterator[Notification]:
        """Arrivals and looks in the order of time; of those at one moment the arrivals come first."""
        number = itertools.count()
        agenda: list[tuple[float, int, int, Firing | _Group]] = [
            (alert.fires_at, 0, next(number), alert) for alert in self.alerts
        ]
        heapq.heapify(agenda)
        while agenda and agenda[0][0] <= until:
            now, _, _, subject = heapq.heappop(agenda)
            if isinstance(subject, Firing):
                opened = self._arrive(subject)
                if opened:
                    heapq.heappush(agenda, (now + opened.route.delivery.wait / 1000, 1, next(number), opened))
                continue
            yield from self._flush(subject, now)
            if subject.alerts:
                heapq.heappush(agenda, (now + subject.route.delivery.interval / 1000, 1, next(number), subject))
            else:
                del self.groups[subject.key]

    def _arrive(self, alert: Firing) -> _Group | None:
        """Put an alert into its group; gives the group if it is a new one."""
        labels = dict(alert.labels)
        route = self.route.find(labels)
        shared = tuple(pair for pair in alert.labels if pair[0] in route.group_by)
        key = (id(route), shared)
        known = self.groups.get(key)
        group = known or self.groups.setdefault(key, _Group(key, route))
        group.alerts[alert.labels] = alert
        return None if known else group

    def _flush(self, group: _Group, now: float) -> Iterator[Notification]:
        """Look at a group: tell what is news, and forget what is resolved, be it muted or not."""
        heard = [alert for alert in group.alerts.values() if not self._muted(alert, now)]
        firing = frozenset(alert.labels for alert in heard if not alert.resolved(now))
        resolved = frozenset(alert.labels for alert in heard if alert.resolved(now))
        news = _news(self.told.get(group.key), firing, resolved, now - group.route.delivery.repeat / 1000)
        if heard and news:
            self.told[group.key] = _Told(now, firing, resolved)
            _, shared = group.key
            yield Notification(now, group.route.receiver, shared, news, _sorted(firing), _sorted(resolved))
        group.alerts = {labels: alert for labels, alert in group.alerts.items() if not alert.resolved(now)}

    def _muted(self, alert: Firing, now: float) -> bool:
        """Whether some source mutes it now. A source counts also when it is muted itself."""
        return any(source.fires(now) for source in self.muters.get(alert.labels, ()))


def _muters(alerts: Sequence[Firing], inhibitions: Iterable[Inhibition]) -> Mapping[Labels, Sequence[Firing]]:
    """For each alert those that mute it while they fire: a matter of labels, and so the same at any moment."""
    known = {alert.labels: dict(alert.labels) for alert in alerts}
    of_service: dict[str, list[Firing]] = defaultdict(list)
    for alert in alerts:
        of_service[known[alert.labels].get("service", "")].append(alert)

    def candidates(matchers: Iterable[Matcher]) -> Iterable[Firing]:
        """All alerts that may match: of a large mesh's thousands of rules most are about a few services."""
        named = next((one.values for one in matchers if one.label == "service" and not one.negated), None)
        return alerts if named is None else itertools.chain.from_iterable(of_service.get(name, ()) for name in named)

    found: dict[Labels, list[Firing]] = defaultdict(list)
    for rule in inhibitions:
        sources = [alert for alert in candidates(rule.sources) if rule.has_source(known[alert.labels])]
        targets = {alert.labels for alert in candidates(rule.targets) if rule.has_target(known[alert.labels])}
        for source, target in itertools.product(sources, targets):
            if _mutes(rule, known[source.labels], known[target]):
                found[target].append(source)
    return found


def _mutes(inhibition: Inhibition, source: Mapping[str, str], target: Mapping[str, str]) -> bool:
    """Whether a source mutes a target. Of two alerts that are both, neither mutes the other."""
    agree = all(source.get(label, "") == target.get(label, "") for label in inhibition.equal)
    return agree and not (inhibition.has_source(target) and inhibition.has_target(source))


def _news(
    told: _Told | None, firing: frozenset[Labels], resolved: frozenset[Labels], repeat_before: float
) -> News | None:
    """What a receiver does not know yet; None when it knows all."""
    if told is None or not told.firing:
        return News.OPENED if firing else None
    if not firing:
        return News.RESOLVED
    if not firing <= told.firing or not resolved <= told.resolved:
        return News.CHANGED
    return News.REPEATED if told.at < repeat_before else None


def _sorted(alerts: frozenset[Labels]) -> tuple[Labels, ...]:
    return tuple(sorted(alerts))
