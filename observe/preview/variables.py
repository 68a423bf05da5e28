"""Variables of a dashboard: what is chosen at its top, and the intervals that Grafana works out.

What a reference becomes follows grafana `variableRegex` and, within queries, its Prometheus data source's
`interpolateQueryExpr`: values of a variable with several choices are escaped for a regular expression.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from observe.clients.prometheus import QueryFailed
from observe.preview.time_range import Resolution, TimeRange, duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from observe.preview.dashboard import Dashboard

DATA_SOURCE: Final = "Prometheus"
"""There is one, whatever a dashboard's JSON calls it."""
ALL: Final = "$__all"

_REFERENCE: Final = re.compile(r"\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.[^:}]+)?(?::([^}]+))?\}")
_LABEL_VALUES: Final = re.compile(r"\s*label_values\(\s*(?:(?P<match>.+),\s*)?(?P<label>[\w.]+)\s*\)\s*", re.DOTALL)
_SPECIAL: Final = re.compile(r"[$^*{}\[\]'+?.()|]")


@dataclass(frozen=True, slots=True)
class Choice:
    """What is chosen for one variable."""

    name: str
    title: str
    text: str
    """As it is shown at the top of the dashboard."""
    values: tuple[str, ...]
    escaped: bool = False
    """Whether queries take the values as parts of regular expressions."""
    verbatim: str | None = None
    """What stands for "All", when the dashboard says so."""
    hidden: bool = False
    note: str = ""
    """What could not be done as Grafana does it."""


@dataclass(frozen=True, slots=True)
class Variables:
    """All choices of a dashboard, with the intervals of Grafana's own variables."""

    choices: tuple[Choice, ...]
    builtin: Mapping[str, str]

    def at(self, range_: TimeRange, resolution: Resolution) -> Variables:
        """With the variables that depend on how finely a panel is looked at."""
        return replace(self, builtin=_builtin(range_) | _intervals(resolution))

    def in_query(self, text: str) -> str:
        """With the values as PromQL needs them; a name that is not known stays, as in Grafana."""
        return self._filled(text, _for_query)

    def in_text(self, text: str) -> str:
        """With the values as people read them."""
        return self._filled(text, lambda choice, _: choice.text)

    def _filled(self, text: str, say: Callable[[Choice, str], str]) -> str:
        known = {choice.name: choice for choice in self.choices}

        def fill(found: re.Match[str]) -> str:
            name = found[1] or found[2] or found[4]
            if name in self.builtin:
                return self.builtin[name]
            return say(known[name], found[3] or found[5] or "") if name in known else found[0]

        return _REFERENCE.sub(fill, text)


def variables(
    dashboard: Dashboard, range_: TimeRange, label_values: Callable[[str, str | None], tuple[str, ...]]
) -> Variables:
    """The first choice of every variable: all where there is "All", else what is saved, else the first value.

    `label_values` is asked for the values of a label, with a selector or None.
    """
    chosen = Variables((), _builtin(range_))
    for one in dashboard.variables:
        chosen = replace(chosen, choices=(*chosen.choices, _choice(one, chosen, label_values)))
    return chosen


def _choice(found: dict[str, Any], before: Variables, label_values: Callable[..., tuple[str, ...]]) -> Choice:
    name = str(found.get("name", ""))
    plain = Choice(name, str(found.get("label") or name), "", (), hidden=found.get("hide") == 2)
    many = bool(found.get("multi") or found.get("includeAll"))
    kind, saved = found.get("type"), _saved(found)
    if kind == "datasource":
        return replace(plain, text=DATA_SOURCE, values=(DATA_SOURCE,))
    if kind in ("constant", "textbox"):
        value = saved[0] if saved else _text(found.get("query"))
        return replace(plain, text=value, values=(value,))
    every = bool(found.get("includeAll")) and (not saved or saved == (ALL,))
    if every and found.get("allValue"):
        return replace(plain, text="All", values=(), verbatim=str(found["allValue"]))
    if saved and not every:
        return replace(plain, text=" + ".join(saved), values=saved, escaped=many)
    values, note = _values(kind, found, before, label_values)
    chosen = values if every else values[:1]
    text = "All" if every else " + ".join(chosen) or "None"
    return replace(plain, text=text, values=chosen, escaped=many, note=note)


def _saved(found: dict[str, Any]) -> tuple[str, ...]:
    current = found.get("current")
    value = current.get("value") if isinstance(current, dict) else None
    values = value if isinstance(value, list) else [value]
    return tuple(str(one) for one in values if one not in (None, ""))


def _text(query: Any) -> str:
    return str(query.get("query", "") if isinstance(query, dict) else query or "")


def _values(
    kind: Any, found: dict[str, Any], before: Variables, label_values: Callable[..., tuple[str, ...]]
) -> tuple[tuple[str, ...], str]:
    """The values that can be chosen, and what is to be said about them."""
    query = _text(found.get("query"))
    if kind in ("custom", "interval"):
        return tuple(part.strip() for part in query.split(",") if part.strip()), ""
    asked = _LABEL_VALUES.fullmatch(before.in_query(query)) if kind == "query" else None
    if asked is None:
        return (), f"the variable ${found.get('name')} of the kind {kind} ({query}) is not filled"
    note = f"the variable ${found.get('name')} is not narrowed by its regular expression" if found.get("regex") else ""
    try:
        return label_values(asked["label"], asked["match"]), note
    except QueryFailed as failed:
        return (), f"the variable ${found.get('name')} is not filled: {failed}"


def _for_query(choice: Choice, form: str) -> str:
    if choice.verbatim is not None:
        return choice.verbatim
    values = choice.values
    match form:
        case "raw" | "csv":
            return ",".join(values)
        case "pipe":
            return "|".join(values)
        case "percentencode" | "queryparam":
            return quote(",".join(values), safe="")
        case "text":
            return choice.text
    if not choice.escaped:
        return ",".join(value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    escaped = [_SPECIAL.sub(lambda char: "\\\\" + char[0], value.replace("\\", "\\" * 4)) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _builtin(range_: TimeRange) -> dict[str, str]:
    return {
        "__range": duration(round(range_.length)),
        "__range_s": str(round(range_.length)),
        "__range_ms": str(round(range_.length * 1000)),
        "__from": str(round(range_.start * 1000)),
        "__to": str(round(range_.end * 1000)),
    }


def _intervals(resolution: Resolution) -> dict[str, str]:
    return {
        "__interval": duration(resolution.step),
        "__interval_ms": str(round(resolution.step * 1000)),
        "__rate_interval": duration(resolution.rate_interval),
        "__rate_interval_ms": str(round(resolution.rate_interval * 1000)),
    }
