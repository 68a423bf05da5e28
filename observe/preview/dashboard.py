"""Dashboards as Grafana's JSON has them, read: what is not looked at here stays as it is in `raw`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import orjson

from observe.errors import UsageError
from observe.preview.time_range import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

Json: TypeAlias = Any
"""What a dashboard's author wrote: nothing is known of it until it is looked at."""

COLUMNS: Final = 24
"""Of Grafana's grid."""
DEFAULT_LENGTH: Final = 6 * 3600.0
"""Grafana shows six hours when a dashboard does not say."""


@dataclass(frozen=True, slots=True)
class Place:
    """On the grid: columns from the left, units of height from the top."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Target:
    """One query of a panel."""

    ref: str
    expr: str
    legend: str
    instant: bool
    format: str
    """`time_series`, `table` or `heatmap`."""
    least_step: str


@dataclass(frozen=True, slots=True)
class Panel:
    kind: str
    title: str
    description: str
    place: Place
    targets: tuple[Target, ...]
    raw: dict[str, Json] = field(repr=False)

    @property
    def options(self) -> dict[str, Json]:
        return _mapping(self.raw.get("options"))

    @property
    def defaults(self) -> dict[str, Json]:
        return _mapping(_mapping(self.raw.get("fieldConfig")).get("defaults"))

    @property
    def custom(self) -> dict[str, Json]:
        """The defaults that only this kind of panel has."""
        return _mapping(self.defaults.get("custom"))

    @property
    def overrides(self) -> list[dict[str, Json]]:
        return _mappings(_mapping(self.raw.get("fieldConfig")).get("overrides"))

    @property
    def transformations(self) -> list[dict[str, Json]]:
        return _mappings(self.raw.get("transformations"))

    @property
    def no_value(self) -> str:
        """What stands where there is no data."""
        return str(self.defaults.get("noValue") or "No data")


@dataclass(frozen=True, slots=True)
class Section:
    """The panels below a row's heading; those before the first row have no heading."""

    title: str | None
    collapsed: bool
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    uid: str
    title: str
    description: str
    length: float
    """How far back the time range reaches at first, in seconds."""
    sections: tuple[Section, ...]
    variables: tuple[dict[str, Json], ...] = field(repr=False)
    annotations: tuple[dict[str, Json], ...] = field(repr=False)
    links: tuple[dict[str, Json], ...] = field(repr=False)
    tags: tuple[str, ...]

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Without the headings of rows."""
        return tuple(panel for section in self.sections for panel in section.panels)


def read(content: bytes, where: str) -> Dashboard:
    """The dashboard in a file's bytes; raises UsageError, with `where` it lies, for what is not one."""
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{where} is not JSON: {error}") from None
    found = found.get("dashboard", found) if isinstance(found, dict) else found
    if not isinstance(found, dict) or not isinstance(found.get("panels"), list):
        raise UsageError(
            f"{where} is not a dashboard as Grafana's classic JSON has it: it has no list of panels; export it as"
            " classic JSON, not as a resource"
        )
    try:
        return _dashboard(found)
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{where} cannot be read as a dashboard: {error}") from None


def _dashboard(found: dict[str, Json]) -> Dashboard:
    title = str(found.get("title") or "Untitled")
    return Dashboard(
        uid=str(found.get("uid") or title),
        title=title,
        description=str(found.get("description") or ""),
        length=_length(_mapping(found.get("time"))),
        sections=tuple(_sections(_mappings(found["panels"]))),
        variables=tuple(_mappings(_mapping(found.get("templating")).get("list"))),
        annotations=tuple(_mappings(_mapping(found.get("annotations")).get("list"))),
        links=tuple(_mappings(found.get("links"))),
        tags=tuple(str(tag) for tag in found.get("tags") or ()),
    )


def _length(time: dict[str, Json]) -> float:
    """Of `now-6h` to `now`. Other ranges are fixed ones, which say nothing of how much is to be seen."""
    start = str(time.get("from", ""))
    reach = seconds(start.removeprefix("now-")) if start.startswith("now-") and time.get("to") == "now" else None
    return reach or DEFAULT_LENGTH


def _sections(found: list[dict[str, Json]]) -> Iterator[Section]:
    """Grafana keeps the panels of an open row behind it, and those of a collapsed row in it."""
    ordered = sorted(found, key=lambda panel: (_place(panel).y, _place(panel).x))
    title, collapsed, panels = None, False, list[Panel]()
    for one in ordered:
        if one.get("type") != "row":
            panels.append(_panel(one))
            continue
        if panels or title is not None:
            yield Section(title, collapsed, tuple(panels))
        title, collapsed = str(one.get("title") or ""), bool(one.get("collapsed"))
        panels = [_panel(inner) for inner in _mappings(one.get("panels"))]
    if panels or title is not None:
        yield Section(title, collapsed, tuple(panels))


def _panel(found: dict[str, Json]) -> Panel:
    targets = [target for target in _mappings(found.get("targets")) if not target.get("hide")]
    return Panel(
        kind=str(found.get("type") or "unknown"),
        title=str(found.get("title") or ""),
        description=str(found.get("description") or ""),
        place=_place(found),
        targets=tuple(_target(target, place) for place, target in enumerate(targets)),
        raw=found,
    )


def _place(found: dict[str, Json]) -> Place:
    grid = _mapping(found.get("gridPos"))
    x = min(max(int(grid.get("x", 0)), 0), COLUMNS - 1)
    width = min(max(int(grid.get("w", COLUMNS // 2)), 1), COLUMNS - x)
    return Place(x, max(int(grid.get("y", 0)), 0), width, max(int(grid.get("h", 8)), 1))


def _target(found: dict[str, Json], place: int) -> Target:
    return Target(
        ref=str(found.get("refId") or chr(ord("A") + place % 26)),
        expr=str(found.get("expr") or ""),
        legend=str(found.get("legendFormat") or ""),
        instant=bool(found.get("instant")) and not found.get("range"),
        format=str(found.get("format") or "time_series"),
        least_step=str(found.get("interval") or ""),
    )


def _mapping(found: Json) -> dict[str, Json]:
    return found if isinstance(found, dict) else {}


def _mappings(found: Json) -> list[dict[str, Json]]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
