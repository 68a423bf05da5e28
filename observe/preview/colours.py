"""Grafana's colours in its dark theme (grafana `createVisualizationColors.ts`), and which of them a value has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT: Final = "#ccccdc"
FAINT: Final = "rgba(204,204,220,0.65)"
GRID: Final = "rgba(240,250,255,0.09)"
PANEL: Final = "#181b1f"
UNDRAWN: Final = "rgba(0,0,0,0)"

_HUES: Final = {
    "red": ("#FFA6B0", "#FF7383", "#F2495C", "#E02F44", "#C4162A"),
    "orange": ("#FFCB7D", "#FFB357", "#FF9830", "#FF780A", "#FA6400"),
    "yellow": ("#FFF899", "#FFEE52", "#FADE2A", "#F2CC0C", "#E0B400"),
    "green": ("#C8F2C2", "#96D98D", "#73BF69", "#56A64B", "#37872D"),
    "blue": ("#C0D8FF", "#8AB8FF", "#5794F2", "#3274D9", "#1F60C4"),
    "purple": ("#DEB6F2", "#CA95E5", "#B877D9", "#A352CC", "#8F3BB8"),
}
_SHADES: Final = ("super-light-", "light-", "", "semi-dark-", "dark-")

NAMED: Final = {
    **{shade + hue: value for hue, values in _HUES.items() for shade, value in zip(_SHADES, values, strict=True)},
    "text": TEXT,
    "transparent": UNDRAWN,
    "panel-bg": PANEL,
    "white": "#ffffff",
    "black": "#000000",
    "gray": "#808080",
    "grey": "#808080",
}

PALETTE: Final = (
    *("green", "semi-dark-yellow", "light-blue", "semi-dark-orange", "red", "blue", "purple", "#705DA0"),
    *("dark-green", "yellow", "#447EBC", "#C15C17", "#890F02", "#0A437C", "#6D1F62", "#584477", "#B7DBAB"),
    *("#F4D598", "#70DBED", "#F9BA8F", "#F29191", "#82B5D8", "#E5A8E2", "#AEA2E0", "#629E51", "#E5AC0E"),
    *("#64B0C8", "#E0752D", "#BF1B00", "#0A50A1", "#962D82", "#614D93", "#9AC48A", "#F2C96D", "#65C5DB"),
)
"""Of `palette-classic`: each series takes the next one, in the order of the answers."""

_SAFE: Final = re.compile(r"#[0-9a-fA-F]{3,8}|rgba?\([0-9., %]+\)")


def colour(name: str) -> str:
    """The colour of a name, or what is a colour already; Grafana's grey for anything else."""
    if name in NAMED:
        return NAMED[name]
    return name if _SAFE.fullmatch(name) else NAMED["gray"]


def of_series(place: int) -> str:
    """The colour of a series that has none of its own, by its place among the series of the panel."""
    return colour(PALETTE[place % len(PALETTE)])


def faded(value: str, opacity: float) -> str:
    """A colour that lets through what lies below."""
    digits = value.removeprefix("#")
    if not value.startswith("#") or len(digits) != 6:
        return value
    red, green, blue = (int(digits[place : place + 2], 16) for place in (0, 2, 4))
    return f"rgba({red},{green},{blue},{opacity:g})"


def of_value(value: float | None, thresholds: Mapping[str, Any]) -> str:
    """The colour of the highest step that a value reaches; without a value that of the base."""
    steps = thresholds.get("steps") or [{"color": "green", "value": None}]
    reached = steps[0]
    for step in steps[1:]:
        if value is not None and step.get("value") is not None and value >= step["value"]:
            reached = step
    return colour(str(reached.get("color", "")))
