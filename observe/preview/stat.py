"""Stats: one large number for each series, in the colour of its threshold."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from observe.preview import colours
from observe.preview.drawn import Drawn, message
from observe.preview.fields import Shown, look
from observe.preview.results import CALCULATIONS, reduced

if TYPE_CHECKING:
    from collections.abc import Iterable

    from observe.preview.dashboard import Panel
    from observe.preview.results import Result


def draw(panel: Panel, results: Iterable[Result]) -> Drawn:
    """The panel, or its `noValue` where no query gave a series."""
    calculation = _calculation(panel)
    found = [
        (
            name,
            look(panel, name, result.target.ref).show(
                reduced((v for _, v in series.points), calculation), panel.no_value
            ),
        )
        for result in results
        for series in result.answer.series
        for name in (result.name(series),)
    ]
    if not found:
        return message(panel.no_value)
    named = panel.options.get("textMode") in ("value_and_name", "name") or len(found) > 1
    boxes = "".join(_box(panel, name if named else "", shown) for name, shown in found)
    return Drawn(f'<div class="stats">{boxes}</div>')


def _calculation(panel: Panel) -> str:
    options = panel.options.get("reduceOptions")
    calcs = options.get("calcs") if isinstance(options, dict) else None
    return next((calc for calc in calcs or () if calc in CALCULATIONS), "lastNotNull")


def _box(panel: Panel, name: str, shown: Shown) -> str:
    heading = f'<span class="name">{escape(name)}</span>' if name else ""
    mode = panel.options.get("colorMode", "value")
    tint = shown.colour if mode != "none" else colours.TEXT
    if str(mode).startswith("background"):
        style, inside = f"background:{tint}", colours.TEXT if shown.missing else colours.PANEL
    else:
        style, inside = "", tint
    value = "" if panel.options.get("textMode") == "name" else _value(shown, inside)
    return f'<div class="stat" style="{escape(style)}">{heading}{value}</div>'


def _value(shown: Shown, tint: str) -> str:
    """The number large, what stands behind it smaller, as Grafana does."""
    if shown.missing:
        return f'<span class="value words" style="color:{escape(tint)}">{shown.html}</span>'
    inside = shown.html
    if shown.number is not None:
        inside = f"{escape(shown.number.number)}<small>{escape(shown.number.suffix)}</small>"
    return f'<span class="value" style="color:{escape(tint)};--length:{len(shown.text)}">{inside}</span>'
