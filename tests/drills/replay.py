"""Alerts as they fire and resolve, in real time against a real Alertmanager."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from observe.alertmanager import Configuration, Route
from observe.alertmanager.routes import TICKETS
from observe.drills.notifications import Firing, News, Notification, notifications
from observe.render.alertmanager import configuration_file
from tests.servers.processes import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from observe.alertmanager import Delivery
    from observe.drills.notifications import Labels
    from tests.servers.alertmanager_server import AlertmanagerServer, Start


def hasty(configuration: Configuration, page: Delivery, ticket: Delivery) -> Configuration:
    """The same configuration with other times, so that a test need not wait for minutes."""

    def hurried(route: Route) -> Route:
        delivery = ticket if route.delivery == TICKETS else page
        return replace(route, delivery=delivery, routes=tuple(map(hurried, route.routes)))

    return replace(configuration, route=hurried(configuration.route))


def together(configurations: Sequence[Configuration]) -> Configuration:
    """One configuration for several meshes: the route of each below one root, the inhibitions of all."""
    first = configurations[0]
    routes = tuple(route for one in configurations for route in one.route.routes)
    inhibitions = tuple(rule for one in configurations for rule in one.inhibitions)
    return Configuration(replace(first.route, routes=routes), inhibitions)


TICK = 0.1
"""Seconds between two looks at the clock."""
PATIENCE = 0.5
"""Seconds for which the machine may stand still: less than between a change and the next look at a group."""
TRIES = 3


@dataclass(frozen=True, slots=True)
class Told:
    """One notification, without its time."""

    receiver: str
    group: Labels
    firing: tuple[Labels, ...]
    resolved: tuple[Labels, ...]


def expected(notification: Notification) -> Told:
    return Told(notification.receiver, notification.group, notification.firing, notification.resolved)


def received(message: Mapping[str, Any]) -> Told:
    """Alertmanager's webhook message."""

    def those(status: str) -> tuple[Labels, ...]:
        return tuple(sorted(_labels(alert["labels"]) for alert in message["alerts"] if alert["status"] == status))

    return Told(message["receiver"], _labels(message["groupLabels"]), those("firing"), those("resolved"))


def opened(notifications: Iterable[Notification]) -> list[Notification]:
    """The new pages and tickets."""
    return [notification for notification in notifications if notification.news is News.OPENED]


def _labels(labels: Mapping[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def replay(
    start: Start, configuration: Configuration, alerts: Sequence[Firing], until: float
) -> tuple[list[Told], list[Told]]:
    """What Alertmanager sends in `until` seconds, and what is worked out for the same moments.

    A machine that stood still for a while says nothing about either; then all is done again.
    """
    for _ in range(TRIES):
        with start(configuration_file(configuration)) as (server, receiver):
            sent, standstill = _send(server, alerts, until)
            messages = [received(message) for message in receiver.notifications]
        if standstill < PATIENCE:
            return messages, [expected(one) for one in notifications(sent, configuration, until)]
    raise ServerError(f"the machine is too busy: {TRIES} times it stood still for more than {PATIENCE} s")


def _send(server: AlertmanagerServer, alerts: Iterable[Firing], until: float) -> tuple[tuple[Firing, ...], float]:
    """Send alerts when they fire and when they resolve, and return after `until` seconds.

    Gives the alerts with the moments at which they really were sent, and by how many seconds the machine was late.
    """
    began, zero = time.monotonic(), datetime.now(UTC)
    standstill = 0.0

    def sleep_until(moment: float) -> None:
        nonlocal standstill
        while (left := began + moment - time.monotonic()) > 0:
            nap = min(left, TICK)
            before = time.monotonic()
            time.sleep(nap)
            standstill = max(standstill, time.monotonic() - before - nap)
        standstill = max(standstill, -left)

    sent: dict[tuple[Labels, float], Firing] = {}
    for at, changes in _agenda(alerts):
        sleep_until(at)
        now = time.monotonic() - began
        for alert, fires in changes:
            key = (alert.labels, alert.fires_at)
            sent[key] = replace(alert, fires_at=now, resolves_at=None) if fires else replace(sent[key], resolves_at=now)
        server.post(_message(sent[alert.labels, alert.fires_at], zero) for alert, _ in changes)
        standstill = max(standstill, time.monotonic() - began - now)
    sleep_until(until)
    return tuple(sent.values()), standstill


def _agenda(alerts: Iterable[Firing]) -> Iterator[tuple[float, list[tuple[Firing, bool]]]]:
    """What changes at each moment: alerts that fire (True) and that are over."""
    changes: dict[float, list[tuple[Firing, bool]]] = {}
    for alert in alerts:
        changes.setdefault(alert.fires_at, []).append((alert, True))
        if alert.resolves_at is not None:
            changes.setdefault(alert.resolves_at, []).append((alert, False))
    yield from sorted(changes.items(), key=lambda moment: moment[0])


def _message(alert: Firing, zero: datetime) -> dict[str, Any]:
    def stamp(seconds: float) -> str:
        return (zero + timedelta(seconds=seconds)).isoformat()

    end = {} if alert.resolves_at is None else {"endsAt": stamp(alert.resolves_at)}
    return {"labels": dict(alert.labels), "startsAt": stamp(alert.fires_at), **end}


def by_group(told: Iterable[Told], key: Callable[[Told], Any]) -> dict[Any, list[Told]]:
    """The notifications of each group, in their order: between groups the order is a matter of milliseconds."""
    groups: dict[Any, list[Told]] = {}
    for one in told:
        groups.setdefault(key(one), []).append(one)
    return groups
