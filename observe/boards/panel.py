"""A dashboard as plain values: what is shown where, whatever draws it.

The kind of a panel decides how its queries run: a time series and a heatmap over the time range that is shown, a stat
and a table at its end, so that "now" is never the last value of an hour ago.

Nothing repeats a panel or a row by a variable: what can be told apart has a board of its own or a row of a table, and
copies that Grafana makes have ids that no link can name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from observe.promql import Aggregation, Matcher, Selector

if TYPE_CHECKING:
    from observe.policy import Threshold
    from observe.promql import Expr
    from observe.signals.signal import Unit

Severity = Literal["warning", "critical"]
Tone = Literal["good", "warning", "critical", "neutral"]
"""How a reader is to take a value; what draws it has a colour for each."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold as it is drawn: the object that the alert compares with, and how bad it is to break it."""

    threshold: Threshold
    severity: Severity = "warning"
    broken: Literal["above", "below"] = "above"


@dataclass(frozen=True, slots=True)
class State:
    """A value that stands for a word, such as 1 for `yes`."""

    value: float
    says: str
    tone: Tone = "neutral"


@dataclass(frozen=True, slots=True)
class DataLink:
    """Where a click on a value leads; `observe.boards.links` makes them."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Query:
    """One query. `{{label}}` in the legend stands for the value of that label."""

    expr: Expr
    legend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line(Query):
    """A query of a time series whose lines look or lead otherwise than the panel's others."""

    dashed: bool = False
    """Something to compare with, such as a baseline; it stays a line where the others are stacked."""
    tone: Tone | None = None
    """By default each line has a colour of its own."""
    link: DataLink | None = None


@dataclass(frozen=True, slots=True)
class Column(Query):
    """A query whose values fill one column of a table; the legend is its heading."""

    unit: Unit
    limits: tuple[Limit, ...] = ()
    states: tuple[State, ...] = ()
    decimals: int | None = None
    """Digits behind the point. By default Grafana rounds to three digits, which makes 99.96% a full 100%."""


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
    minimum: float | None = 0
    """The bottom of the axis; None where values can be negative, as differences can."""
    maximum: float | None = None
    """The top of the axis, where values cannot be larger. By default it holds the data and the limits."""
    stacked: bool = False
    """Each line on top of the one before: for parts of a whole."""
    decimals: int | None = None
    legend: Literal["bottom", "right"] = "bottom"
    """On the right it leaves a wide panel with many lines its height."""
    lowest_first: bool = False
    """Whether the lowest of many lines matter most; else the highest do."""
    link: DataLink | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap(Measured):
    """How much falls into each bucket of a classic histogram, over time.

    It has one query: the rate of the cumulative buckets, summed by `le`, with the legend `{{le}}`.
    """

    unit: Unit
    """Of what is measured: of the limits of the buckets."""
    cells: Unit = "requests/s"
    """Of what the query counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat(Measured):
    """One number, coloured by the limits, or a word for it."""

    unit: Unit
    limits: tuple[Limit, ...] = ()
    states: tuple[State, ...] = ()
    decimals: int | None = None
    link: DataLink | None = None


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
    collapsed: bool = False
    """Its panels ask nothing until the row is opened; a link to one of them opens it."""


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
    matchers: tuple[Matcher, ...] = ()
    """Of which series; they may name variables that stand before this one."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice of one among values that are known beforehand, the first one at first."""

    name: str
    title: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Moments and periods that are drawn across all graphs; a switch at the top of the board shows and hides them."""

    title: str
    shown: bool = True
    """At first. What is hidden asks nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertMarks(Marks):
    """The times in which alerts fired, one mark for all that have the same name: an incident of thirty services would
    cover the graphs with thirty marks on top of each other.
    """

    matchers: tuple[Matcher, ...] = ()
    """Of which alerts."""
    severity: Severity = "critical"

    @property
    def expr(self) -> Expr:
        """The names of the alerts that fire, among those of the severity."""
        firing = (Matcher("alertstate", "=", "firing"), Matcher("severity", "=", self.severity))
        return Aggregation("group", ("alertname", "severity"), Selector("ALERTS", (*firing, *self.matchers)))


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishMarks(Marks):
    """The times of publishes that changed something."""

    tag: str
    """What a publish tags its mark with."""


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
    variables: tuple[Variable | Choice, ...] = ()
    links: tuple[Link, ...] = ()
    marks: tuple[Marks, ...] = ()
    hours: int = 1
    """How far back the time range reaches at first."""

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Every panel, without the headings of rows."""
        return tuple(panel for row in self.rows for panel in row.panels)

    @property
    def queries_on_load(self) -> int:
        """How many queries Prometheus gets when the board is opened, at most: what is out of sight waits."""
        shown = (panel for row in self.rows if not row.collapsed for panel in row.panels)
        panels = sum(len(panel.queries) for panel in shown if isinstance(panel, Measured))
        listed = sum(isinstance(variable, Variable) for variable in self.variables)
        return panels + listed + sum(isinstance(marks, AlertMarks) and marks.shown for marks in self.marks)


def panel_keys(board: Board) -> tuple[str, ...]:
    """The keys that links to panels of this board may name."""
    return tuple(panel.key for panel in board.panels)
