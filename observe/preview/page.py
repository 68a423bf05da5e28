"""The page: all dashboards in one file that loads nothing and runs nothing but what is in it."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson

from observe.preview import library, order
from observe.preview.drawn import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from observe.preview.dashboard import Dashboard, Panel
    from observe.preview.drawn import Drawn, Figure
    from observe.preview.time_range import TimeRange
    from observe.preview.variables import Variables

CELL, GAP = 30, 8
"""Pixels: how high a unit of Grafana's grid is, and the space between (grafana `GRID_CELL_HEIGHT`)."""


@dataclass(frozen=True, slots=True)
class SheetPanel:
    panel: Panel
    title: str
    description: str
    drawn: Drawn
    errors: tuple[str, ...]
    """Of queries that failed."""
    warnings: tuple[str, ...]
    """What Prometheus said about answers that it gave."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SheetSection:
    title: str | None
    collapsed: bool
    panels: tuple[SheetPanel, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A dashboard as it is laid out."""

    dashboard: Dashboard
    range: TimeRange
    variables: Variables
    sections: tuple[SheetSection, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Links:
    """Which addresses of Grafana lead to a dashboard of this page."""

    dashboards: tuple[Dashboard, ...]

    def inside(self, address: str) -> str | None:
        """`#uid` for the address of one of them."""
        uid = order.uid_in(address)
        if uid is None or all(one.uid != uid for one in self.dashboards):
            return None
        return f"#{quote(uid, safe='')}"


def page(sheets: Sequence[Sheet]) -> bytes:
    """The HTML. A content security policy forbids it every connection, and every script but its own two."""
    own = _own("page.js")
    charts = library.chart_library().replace("\r\n", "\n")
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {_hash(charts)} {_hash(own)}"
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{escape(_title(sheets))}</title>\n<style>{_own('page.css')}</style>\n</head>\n<body>",
        _navigation(sheets),
        "<main>",
        *(_sheet(sheet, place) for place, sheet in enumerate(sheets)),
        "</main>",
        *(_figures(sheet, place) for place, sheet in enumerate(sheets)),
        f"<script>{charts}</script>",
        f"<script>{own}</script>",
        "</body>\n</html>\n",
    ]
    return "\n".join(parts).encode("utf-8", "replace")


def _own(name: str) -> str:
    return (files("observe.preview") / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _title(sheets: Sequence[Sheet]) -> str:
    return sheets[0].dashboard.title if len(sheets) == 1 else f"{len(sheets)} dashboards"


def _navigation(sheets: Sequence[Sheet]) -> str:
    items = "".join(
        f'<li><a href="#{quote(sheet.dashboard.uid, safe="")}">{escape(sheet.dashboard.title)}</a></li>'
        for sheet in sheets
    )
    return f'<nav aria-label="Dashboards"><h2>Dashboards</h2><ul>{items}</ul></nav>'


def _sheet(sheet: Sheet, place: int) -> str:
    board = sheet.dashboard
    sections = "\n".join(_section(section, f"{place}-{number}") for number, section in enumerate(sheet.sections))
    notes = f'<ul class="notes below">{listed(_capital(note) for note in sheet.notes)}</ul>' if sheet.notes else ""
    return (
        f'<article data-uid="{escape(board.uid)}" data-figures="figures-{place}">\n'
        f"<header><h1>{escape(board.title)}</h1>{_tip(board.description, f'about-{place}')}"
        f'<span class="range">{escape(_range(sheet.range))}</span></header>\n'
        f"{_choices(sheet)}{sections}{notes}\n</article>"
    )


def _range(range_: TimeRange) -> str:
    start, end = (datetime.fromtimestamp(at, UTC) for at in (range_.start, range_.end))
    return f"{start:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC"


def _choices(sheet: Sheet) -> str:
    """What is chosen at the top, and the links beside it."""
    chosen = "".join(
        f"<span><b>{escape(choice.title)}</b> {escape(choice.text)}</span>"
        for choice in sheet.variables.choices
        if not choice.hidden
    )
    links = "".join(
        f"<span class='out'>{escape(str(link.get('title') or ''))}</span>" for link in sheet.dashboard.links
    )
    return f'<div class="choices">{chosen}<span class="gap"></span>{links}</div>' if chosen or links else ""


def _section(section: SheetSection, key: str) -> str:
    top = min((one.panel.place.y for one in section.panels), default=0)
    panels = "\n".join(_panel(one, top, f"{key}-{number}") for number, one in enumerate(section.panels))
    grid = f'<div class="grid">\n{panels}\n</div>' if panels else ""
    if section.title is None:
        return grid
    state = "" if section.collapsed else " open"
    return f"<details{state}><summary><h2>{escape(section.title)}</h2></summary>{grid}</details>"


def _panel(one: SheetPanel, top: int, key: str) -> str:
    place = one.panel.place
    style = (
        f"grid-column:{place.x + 1}/span {place.width};grid-row:{place.y - top + 1}/span {place.height};"
        f"--height:{place.height * (CELL + GAP) - GAP}px"
    )
    kind = escape(one.panel.kind)
    return (
        f'<section class="panel" data-kind="{kind}" style="{style}" aria-label="{escape(one.title or kind)}">'
        f"<h3><span>{escape(one.title)}</span>{_tip(_about(one), f'tip-{key}')}</h3>"
        f"{_alarms(one)}{_content(one, key)}{_footer(one)}</section>"
    )


def _about(one: SheetPanel) -> str:
    links = [str(link.get("title") or "") for link in one.panel.raw.get("links") or () if isinstance(link, dict)]
    return "\n".join(part for part in (one.description, f"Links: {', '.join(links)}" if any(links) else "") if part)


def _tip(text: str, key: str) -> str:
    """A description: seen when the pointer or the keyboard is on the sign, read out with it."""
    if not text:
        return ""
    return (
        f'<span class="tip"><button type="button" aria-label="Description" aria-describedby="{key}">i</button>'
        f'<span role="tooltip" id="{key}">{escape(text)}</span></span>'
    )


def _alarms(one: SheetPanel) -> str:
    errors = f'<ul class="errors" role="alert">{listed(one.errors)}</ul>' if one.errors else ""
    warnings = f'<ul class="warnings">{listed(one.warnings)}</ul>' if one.warnings else ""
    return errors + warnings


def _content(one: SheetPanel, key: str) -> str:
    drawn = one.drawn
    chart = ""
    if drawn.figure is not None:
        chart = f'<div class="chart" role="img" aria-label="{escape(drawn.summary)}" data-figure="{key}"></div>'
    body = f'<div class="body" tabindex="0">{drawn.body}</div>' if drawn.body else ""
    side = " beside" if drawn.beside else ""
    return f'<div class="content{side}">{chart}{body}</div>'


def _footer(one: SheetPanel) -> str:
    if not one.notes:
        return ""
    return f'<ul class="notes"><li>Not drawn as in Grafana:</li>{listed(one.notes)}</ul>'


def _figures(sheet: Sheet, place: int) -> str:
    """The figures as JSON, which no character in it can end: `<` is written as an escape."""
    data = dict(_keyed(sheet, place))
    text = orjson.dumps(data).decode().replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return f'<script type="application/json" id="figures-{place}">{text}</script>'


def _keyed(sheet: Sheet, place: int) -> Iterator[tuple[str, Figure]]:
    for number, section in enumerate(sheet.sections):
        for index, one in enumerate(section.panels):
            if one.drawn.figure is not None:
                yield f"{place}-{number}-{index}", one.drawn.figure


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
