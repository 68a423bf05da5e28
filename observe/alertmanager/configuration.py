"""Alertmanager's configuration as plain values, before it is YAML.

Only what is generated can be said: every value that is not given is Alertmanager's default, and a matcher compares
with whole values, never with a regular expression of somebody's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Labels = Mapping[str, str]
    """An alert's labels, with its name as `alertname`."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on one label. One that an alert lacks is empty (Alertmanager `pkg/labels/matcher.go`)."""

    label: str
    values: tuple[str, ...]
    """The label's value is one of these."""
    negated: bool = False
    """It is none of these."""

    def matches(self, labels: Labels) -> bool:
        return (labels.get(self.label, "") in self.values) != self.negated

    def __str__(self) -> str:
        """The text in Alertmanager's configuration; both of its parsers, the classic and the UTF-8 one, read it alike.

        Alertmanager anchors the expression at both ends (`pkg/labels/matcher.go`, `NewMatcher`).
        """
        no = "!" if self.negated else ""
        if len(self.values) == 1:
            return f"{self.label}{no or ''}={_quoted(self.values[0])}"
        return f"{self.label}{no or '='}~{_quoted('|'.join(map(_literally, self.values)))}"


def _literally(value: str) -> str:
    """A regular expression (RE2) that matches this value alone."""
    return re.sub(r"[^0-9A-Za-z_-]", r"\\\g<0>", value)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


@dataclass(frozen=True, slots=True)
class Delivery:
    """When notifications of a group of alerts are sent; all in milliseconds."""

    wait: int
    """From a group's first alert to its first notification: what comes meanwhile joins it, or mutes it."""
    interval: int
    """From one look at a group to the next: changes are told then."""
    repeat: int
    """After so long a notification is repeated though nothing changed, at the next look."""


@dataclass(frozen=True, slots=True)
class Route:
    """A node of the routing tree. It says everything itself; what it shares with the node above is left out of YAML."""

    matchers: tuple[Matcher, ...]
    """All of them must match."""
    receiver: str
    """Who is told of an alert that matches here and in no route below."""
    group_by: tuple[str, ...]
    """Alerts that agree in these labels are told together."""
    delivery: Delivery
    routes: tuple[Route, ...] = ()
    """The routes below; the first that matches takes the alert."""

    def matches(self, labels: Labels) -> bool:
        return all(matcher.matches(labels) for matcher in self.matchers)

    def find(self, labels: Labels) -> Route:
        """The route that takes an alert which matches this one."""
        below = next((route for route in self.routes if route.matches(labels)), None)
        return below.find(labels) if below else self

    def receivers(self) -> Iterator[str]:
        """The receivers named here and below, in the order of the tree; one may come more than once."""
        yield self.receiver
        for route in self.routes:
            yield from route.receivers()


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While a source fires, no target is told of."""

    sources: tuple[Matcher, ...]
    targets: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()
    """Labels in which the two agree; one that both lack counts as equal (Alertmanager `docs/configuration.md`)."""

    def has_source(self, labels: Labels) -> bool:
        return all(matcher.matches(labels) for matcher in self.sources)

    def has_target(self, labels: Labels) -> bool:
        return all(matcher.matches(labels) for matcher in self.targets)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Where alerts go, and which of them are muted by others."""

    route: Route
    inhibitions: tuple[Inhibition, ...]

    @property
    def receivers(self) -> tuple[str, ...]:
        """Every receiver once, in the order of the routes."""
        return tuple(dict.fromkeys(self.route.receivers()))
