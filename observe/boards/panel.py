"""A dashboard as plain values: what is shown where, whatever draws it.

The kind of a panel decides how its queries run: a time series over the time range that is shown, a stat and a
table at its end, so that "now" is never the last value of an hour ago.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from observe.policy import Threshold
    from observe.promql import Expr
    from observe.signals.signal import Unit

Severity = Literal["warning", "critical"]


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold as it is drawn: the object that the alert compares with, and how bad it is to break it."""

    threshold: Threshold
    severity: Severity = "warning"
    broken: Literal["above", "below"] = "above"


@dataclass(frozen=True, slots=True)
class Query:
    """One query. `{{label}}` in the legend stands for the value of that label."""

    expr: Expr
    legend: str


@dataclass(frozen=True, slots=True)
class Column(Query):
    """A query whose values fill one column of a table; the legend is its heading."""

    unit: Unit
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class Key:
    """A label that tells the rows of a table apart."""

    label: str
    heading: str
    link: str | None = None
    """Where a click leads; `${__data.fields.<heading>}` stands for the row's value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Something that takes up room on a dashboard."""

    key: str
    """Unique on its board, and stable: the panel's id follows from it, so links to the panel live on."""
    title: str
    width: int = 12
    """Of 24 columns."""
    height: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Panel):
    """Markdown. Text that users wrote goes through `markdown.escape` first."""

    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(Panel):
    """A panel that shows data."""

    description: str
    queries: tuple[Query, ...]
    no_value: str
    """What the absence of data means. Never a number: nothing measured is not zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSeries(Measured):
    """Lines over time, and the limits as lines across."""

    unit: Unit
    limits: tuple[Limit, ...] = ()
    maximum: float | None = None
    """The top of the axis, where values cannot be larger. By default it holds the data and the limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat(Measured):
    """One number, coloured by the limits."""

    unit: Unit
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Measured):
    """One row for each combination of the keys, one column for each query."""

    queries: tuple[Column, ...]
    keys: tuple[Key, ...]
    sort: str
    """The heading that rows are sorted by."""
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """Panels below a heading."""

    key: str
    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the top of the board, among the values of a label: any number of them, all at first."""

    ALL: ClassVar = ".+"
    """What "All" stands for. A list of all values would make queries as long as the mesh is large; `.*` would
    match series without the label, which belong to no choice."""

    name: str
    title: str
    metric: str
    label: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link at the top of the board: to one dashboard, or to all that carry a tag."""

    title: str
    uid: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One dashboard."""

    uid: str
    title: str
    description: str
    tags: tuple[str, ...]
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = ()
    links: tuple[Link, ...] = ()
    hours: int = 1
    """How far back the time range reaches at first."""

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Every panel, without the headings of rows."""
        return tuple(panel for row in self.rows for panel in row.panels)


def panel_keys(board: Board) -> tuple[str, ...]:
    """The keys that links to panels of this board may name."""
    return tuple(panel.key for panel in board.panels)
