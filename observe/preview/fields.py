"""How a value is to look: the panel's defaults with the overrides that match its series or column."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final, Literal

from observe.preview import colours
from observe.preview.units import Written, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from observe.preview.dashboard import Panel

FieldType = Literal["number", "string", "time"]

MATCHERS: Final = frozenset({"byName", "byRegexp", "byFrameRefID", "byType"})
MAPPINGS: Final = frozenset({"value", "range", "special"})


@dataclass(frozen=True, slots=True)
class Shown:
    """A value as text, in the colour of its thresholds or of its mapping."""

    text: str
    colour: str
    number: Written | None = None
    """The parts of a number that no mapping replaced."""
    missing: bool = False
    """Whether the text stands for the absence of a value."""

    @property
    def html(self) -> str:
        return escape(self.text)


@dataclass(frozen=True, slots=True)
class Look:
    """The settings of one series or column."""

    settings: Mapping[str, Any]
    """By the names that overrides use: `unit`, `thresholds`, `custom.fillOpacity`."""

    def get(self, name: str, default: Any = None) -> Any:
        found = self.settings.get(name)
        return default if found is None else found

    @property
    def unit(self) -> str:
        return str(self.get("unit", ""))

    @property
    def thresholds(self) -> Mapping[str, Any]:
        found = self.get("thresholds", {})
        return found if isinstance(found, dict) else {}

    @property
    def fixed_colour(self) -> str | None:
        """The colour that does not depend on the value, where one is set."""
        found = self.get("color", {})
        if isinstance(found, dict) and found.get("mode") in ("fixed", "shades") and found.get("fixedColor"):
            return colours.colour(str(found["fixedColor"]))
        return None

    @property
    def by_thresholds(self) -> bool:
        found = self.get("color", {})
        return isinstance(found, dict) and found.get("mode") == "thresholds"

    def write(self, value: float, decimals: int | None = None) -> Written:
        chosen = self.get("decimals") if decimals is None else decimals
        return written(value, self.unit, chosen if isinstance(chosen, int) else None)

    def show(self, value: float | None, no_value: str) -> Shown:
        """A value, or what stands for its absence."""
        mapped = self._mapped(value)
        if mapped:
            return mapped
        if value is None:
            return Shown(str(self.get("noValue", no_value)), colours.FAINT, missing=True)
        number = self.write(value)
        tint = colours.of_value(value, self.thresholds) if self.by_thresholds else self.fixed_colour
        return Shown(str(number), tint or colours.TEXT, number)

    def _mapped(self, value: float | None) -> Shown | None:
        for mapping in self.get("mappings", ()):
            result = _mapping_result(mapping, value)
            if result:
                tint = result.get("color")
                text = result.get("text")
                plain = "" if value is None else str(self.write(value))
                return Shown(str(text or plain), colours.colour(str(tint)) if tint else colours.TEXT)
        return None


def look(panel: Panel, name: str, ref: str = "", kind: FieldType = "number") -> Look:
    """The settings of the series or column of this name, which the query `ref` gave."""
    merged: dict[str, Any] = {key: value for key, value in panel.defaults.items() if key != "custom"}
    merged |= {f"custom.{key}": value for key, value in panel.custom.items()}
    for override in panel.overrides:
        if _matches(override.get("matcher"), name, ref, kind):
            merged |= dict(_properties(override))
    return Look(merged)


def _properties(override: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for each in override.get("properties") or ():
        if isinstance(each, dict) and "id" in each:
            yield str(each["id"]), each.get("value")


def _matches(matcher: Any, name: str, ref: str, kind: FieldType) -> bool:
    how, wanted = (matcher.get("id"), matcher.get("options")) if isinstance(matcher, dict) else (None, None)
    match how:
        case "byName":
            return bool(wanted == name)
        case "byFrameRefID":
            return bool(wanted == ref)
        case "byType":
            return bool(wanted == kind)
        case "byRegexp":
            return _found(str(wanted), name)
    return False


def _found(pattern: str, name: str) -> bool:
    """Whether a JavaScript expression, with or without slashes around it, is found in the name."""
    inner = re.fullmatch(r"/(.*)/[a-z]*", pattern, re.DOTALL)
    try:
        return re.search(inner[1] if inner else pattern, name) is not None
    except re.error:
        return False


def _mapping_result(mapping: Any, value: float | None) -> Mapping[str, Any] | None:
    options = mapping.get("options") if isinstance(mapping, dict) else None
    if not isinstance(options, dict):
        return None
    match mapping.get("type"):
        case "value":
            found = None if value is None else options.get(f"{value:g}")
            return found if isinstance(found, dict) else None
        case "range" if value is not None:
            low, high = options.get("from"), options.get("to")
            inside = (low is None or value >= low) and (high is None or value <= high)
            return _result(options) if inside else None
        case "special":
            missing, undefined = value is None, value is not None and math.isnan(value)
            matched = {"null": missing, "nan": undefined, "null+nan": missing or undefined}
            return _result(options) if matched.get(str(options.get("match"))) else None
    return None


def _result(options: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found = options.get("result")
    return found if isinstance(found, dict) else None
