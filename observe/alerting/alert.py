"""An alert as plain values, before it is a rule in YAML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from observe.naming import AlertName
    from observe.promql import Expr

Severity = Literal["warning", "critical"]
"""`critical` pages; `warning` makes a ticket."""


@dataclass(frozen=True, slots=True)
class Record:
    """A recording rule."""

    name: str
    expression: Expr


@dataclass(frozen=True, slots=True)
class Alert:
    """An alerting rule of one service."""

    name: AlertName
    expression: Expr
    hold: int
    """Milliseconds for which the expression must hold: the rule's `for`."""
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
