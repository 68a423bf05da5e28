"""Rules as plain values, before they are YAML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from observe.naming import AlertName
    from observe.promql import Expr

Severity = Literal["warning", "critical"]
"""`critical` pages; `warning` makes a ticket."""

Category = Literal["requests", "traffic", "telemetry", "security", "mesh"]
"""What an alert is about, by which others are silenced: callers of a service that fails suffer in `requests` too."""


@dataclass(frozen=True, slots=True)
class Record:
    """A recording rule."""

    name: str
    expression: Expr
    labels: tuple[tuple[str, str], ...] = ()
    """Labels that it adds."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alerting rule."""

    name: AlertName
    expression: Expr
    hold: int
    """Milliseconds for which the expression must hold: the rule's `for`."""
    keep: int
    """Milliseconds for which it fires on after the expression held last: the rule's `keep_firing_for`."""
    severity: Severity
    labels: tuple[tuple[str, str], ...]
    annotations: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated together, in order."""

    name: str
    interval: int
    """Milliseconds."""
    rules: tuple[Record | Alert, ...]

    def split(self, most: int) -> tuple[Group, ...]:
        """The same rules in groups of so many at most, numbered from the second one."""
        parts = [self.rules[start : start + most] for start in range(0, len(self.rules), most)]
        return tuple(
            Group(self.name if number == 1 else f"{self.name}-{number}", self.interval, rules)
            for number, rules in enumerate(parts, 1)
        )
