"""Tables: the answers as rows, merged and arranged as the panel's transformations say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from observe.preview import colours
from observe.preview.drawn import Drawn, message
from observe.preview.fields import Look, look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from observe.preview.dashboard import Panel
    from observe.preview.fields import FieldType, Shown
    from observe.preview.results import Result

TIME: Final = "Time"
Cell: TypeAlias = str | float | None
LinkTo: TypeAlias = "Callable[[str], str | None]"
"""Where in this page an address of Grafana leads; None for one that leads elsewhere."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Rows with named columns; a row leaves out what it has no value for."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Cell], ...]
    refs: Mapping[str, str]
    """Which query a column of values comes from."""


def draw(panel: Panel, results: Iterable[Result], link_to: LinkTo) -> Drawn:
    """The panel, or its `noValue` where no query gave a row."""
    answered = tuple(results)
    frames = tuple(frame(result, alone=len(answered) == 1) for result in answered)
    frames = tuple(one for one in frames if one.rows)
    if not frames:
        return message(panel.no_value)
    for one in panel.transformations:
        if one.get("id") == "merge" and not one.get("disabled"):
            frames = (merged(frames),)
        elif one.get("id") == "organize" and not one.get("disabled"):
            frames = tuple(organized(each, _options(one, "options")) for each in frames)
    notes = (f"the other {len(frames) - 1} tables, which Grafana lets one choose",) if len(frames) > 1 else ()
    return Drawn(_html(panel, frames[0], link_to), notes=notes)


def frame(result: Result, *, alone: bool) -> Frame:
    """An answer as Grafana's Prometheus data source makes it a table: time, labels by name, value."""
    value = "Value" if alone else f"Value #{result.target.ref}"
    labels = sorted({name for series in result.answer.series for name, _ in series.labels})
    rows: tuple[dict[str, Cell], ...] = tuple(
        {TIME: time, **dict(series.labels), value: number}
        for series in result.answer.series
        for time, number in series.points
    )
    return Frame((TIME, *labels, value), rows, {value: result.target.ref})


def merged(frames: tuple[Frame, ...]) -> Frame:
    """One table of all: rows that agree in the columns which all tables have become one (grafana `merge.ts`).

    Rows that differ in another column of the same name stay apart.
    """
    columns = tuple(dict.fromkeys(column for one in frames for column in one.columns))
    keys = [column for column in columns if all(column in one.columns for one in frames)]
    rows: dict[tuple[Cell, ...], list[dict[str, Cell]]] = {}
    for one in frames:
        for row in one.rows:
            alike = rows.setdefault(tuple(row.get(key) for key in keys), [])
            fitting = next((other for other in alike if _agree(other, row)), None)
            if fitting is None:
                alike.append(dict(row))
            else:
                fitting |= row
    refs = {column: ref for one in frames for column, ref in one.refs.items()}
    return Frame(columns, tuple(row for alike in rows.values() for row in alike), refs)


def _agree(one: Mapping[str, Cell], other: Mapping[str, Cell]) -> bool:
    return all(one.get(column) in (None, value) for column, value in other.items())


def organized(one: Frame, options: Mapping[str, Any]) -> Frame:
    """Columns left out, put in order, renamed (grafana `organize.ts`); those without a place come last."""
    left_out, places, names = (_options(options, key) for key in ("excludeByName", "indexByName", "renameByName"))
    kept = [column for column in one.columns if not left_out.get(column)]
    kept.sort(key=lambda column: places.get(column, math.inf))
    renamed = {column: str(names.get(column) or column) for column in kept}
    rows = tuple({renamed[column]: value for column, value in row.items() if column in renamed} for row in one.rows)
    refs = {renamed[column]: ref for column, ref in one.refs.items() if column in renamed}
    return Frame(tuple(renamed.values()), rows, refs)


def _options(options: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = options.get(key)
    return found if isinstance(found, dict) else {}


def _html(panel: Panel, one: Frame, link_to: LinkTo) -> str:
    looks = {column: look(panel, column, one.refs.get(column, ""), _kind(one, column)) for column in one.columns}
    columns = [column for column in one.columns if not looks[column].get("custom.hidden")]
    heads = "".join(_head(one, column, looks[column]) for column in columns)
    rows = "".join(
        f"<tr>{''.join(_cell(panel, one, column, looks[column], row, link_to) for column in columns)}</tr>"
        for row in _sorted(one, panel.options.get("sortBy"))
    )
    return f'<table class="data"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _kind(one: Frame, column: str) -> FieldType:
    if column in one.refs:
        return "number"
    return "time" if column == TIME else "string"


def _head(one: Frame, column: str, own: Look) -> str:
    side = ' class="number"' if column in one.refs else ""
    return f'<th scope="col"{side}>{escape(str(own.get("displayName", column)))}</th>'


def _cell(panel: Panel, one: Frame, column: str, own: Look, row: Mapping[str, Cell], link_to: LinkTo) -> str:
    value = row.get(column)
    if column not in one.refs:
        text = _time(value) if column == TIME and isinstance(value, float) else str(value or "")
        return f"<td>{_linked(own, row, text, link_to)}</td>"
    shown = own.show(value if isinstance(value, float) else None, panel.no_value)
    style = _tint(own, value, shown)
    side = "number" if value is not None else "number missing"
    return f'<td class="{side}"{style}>{shown.html}</td>'


def _tint(own: Look, value: Cell, shown: Shown) -> str:
    """The colour of a cell, where its column has one: of the word that stands for the value, else of its threshold."""
    cell = own.get("custom.cellOptions", {})
    kind = cell.get("type") if isinstance(cell, dict) else None
    if kind not in ("color-text", "color-background") or not isinstance(value, float):
        return ""
    judged = shown.number is not None and own.fixed_colour is None
    tint = colours.of_value(value, own.thresholds) if judged else shown.colour
    if kind == "color-text":
        return f' style="color:{escape(tint)}"'
    return f' style="background:{escape(tint)};color:{colours.PANEL}"'


def _linked(own: Look, row: Mapping[str, Cell], text: str, link_to: LinkTo) -> str:
    """A cell with the link of its column: one that works where it leads to a dashboard of this page."""
    links = own.get("links", ())
    for link in links if isinstance(links, list) else ():
        address = str(link.get("url", "")) if isinstance(link, dict) else ""
        inside = link_to(_filled(address, row))
        if inside:
            return f'<a href="{escape(inside)}">{escape(text)}</a>'
        title = f"{link.get('title') or 'Link'} (in Grafana)" if isinstance(link, dict) else ""
        return f'<span class="link" title="{escape(title)}">{escape(text)}</span>'
    return escape(text)


def _filled(address: str, row: Mapping[str, Cell]) -> str:
    for name, value in row.items():
        for form in ("", ":percentencode", ":raw", ":queryparam"):
            address = address.replace(f"${{__data.fields.{name}{form}}}", str(value))
            address = address.replace(f'${{__data.fields["{name}"]{form}}}', str(value))
    return address


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _sorted(one: Frame, sort_by: Any) -> Iterator[Mapping[str, Cell]]:
    """By the first column that the panel names; rows without a value come last."""
    wanted = sort_by[0] if isinstance(sort_by, list) and sort_by and isinstance(sort_by[0], dict) else {}
    column, descending = wanted.get("displayName"), bool(wanted.get("desc"))
    if column not in one.columns:
        yield from one.rows
        return
    there = [row for row in one.rows if row.get(column) is not None and not _undefined(row[column])]
    yield from sorted(there, key=lambda row: _order(row[column]), reverse=descending)
    yield from (row for row in one.rows if row.get(column) is None or _undefined(row[column]))


def _undefined(value: Cell) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _order(value: Cell) -> tuple[float, str]:
    return (value, "") if isinstance(value, float) else (0.0, str(value).lower())
