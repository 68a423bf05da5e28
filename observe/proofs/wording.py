"""What an alert's templates say for given values: the part of Go's templates that alerts use, written down again.

Follows Prometheus' `template/template.go`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

TOKEN: Final = re.compile(r"\{\{ ?(.*?) ?\}\}", re.DOTALL)
RANGE: Final = re.compile(
    r"range query (?:`(?P<query>.*)`|\(printf `(?P<format>.*)` \$labels\.(?P<label>\w+)\))", re.DOTALL
)
MATCH: Final = re.compile(r'(?:else )?if match "(?P<pattern>.*)" \.Labels\.(?P<label>\w+)')
EQUAL: Final = re.compile(r'(?:else )?if eq \.Labels\.(?P<label>\w+) "(?P<text>.*)"')
LARGE: Final = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
SMALL: Final = ("", "m", "u", "n", "p", "f", "a", "z", "y")
MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Found:
    """One series that a template's query gives."""

    labels: Mapping[str, str]
    value: float


def humanize(value: float) -> str:
    """`1500` as `1.5k`, `0.25` as `250m`."""
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 1:
        return _scaled(value, 1 / 1_000, LARGE, lambda left: left < 1_000)
    return _scaled(value, 1_000, SMALL, lambda left: left >= 1)


def _scaled(value: float, factor: float, prefixes: tuple[str, ...], done: Callable[[float], bool]) -> str:
    for prefix in prefixes[:-1]:
        if done(abs(value)):
            return f"{value:.4g}{prefix}"
        value *= factor
    return f"{value:.4g}{prefixes[-1]}"


def humanize_percentage(value: float) -> str:
    return f"{value * 100:.4g}%"


def humanize_duration(seconds: float) -> str:
    """`90061` as `1d 1h 1m 1s`."""
    size = abs(seconds)
    if size < 1:
        return humanize(seconds) + "s"
    if size < MINUTE:
        return f"{seconds:.4g}s"
    whole = int(size)
    days, hours, minutes = whole // DAY, whole // HOUR % 24, whole // MINUTE % 60
    parts = {"d": days, "h": hours, "m": minutes, "s": whole % MINUTE}
    shown = [f"{number}{unit}" for unit, number in parts.items()]
    first = next(place for place, number in enumerate(parts.values()) if number)
    return ("-" if seconds < 0 else "") + " ".join(shown[first:])


FORMATS: Final[Mapping[str, Callable[[float], str]]] = {
    "humanize": humanize,
    "humanizePercentage": humanize_percentage,
    "humanizeDuration": humanize_duration,
}


def said(template: str, labels: Mapping[str, str], value: float, ask: Callable[[str], Found | None]) -> str:
    """The text that a template gives for an alert with these labels and this value.

    `ask` is given the sentence that a query is asked for, and answers what the query would. Raises ValueError for
    what no alert of ours uses.
    """
    return "".join(_rendered(_tokens(template), labels, value, ask))


@lru_cache(maxsize=1_024)
def _tokens(template: str) -> list[tuple[bool, str]]:
    """Pieces of a template, each with whether it is an action."""
    pieces: list[tuple[bool, str]] = []
    end = 0
    for found in TOKEN.finditer(template):
        pieces += [(False, template[end : found.start()]), (True, found[1])]
        end = found.end()
    return [*pieces, (False, template[end:])]


def _rendered(
    tokens: list[tuple[bool, str]], labels: Mapping[str, str], value: float, ask: Callable[[str], Found | None]
) -> Iterator[str]:
    place = 0
    while place < len(tokens):
        action, text = tokens[place]
        if not action:
            yield text
        elif text.startswith("range "):
            end = _end(tokens, place)
            body = tokens[place + 1 : end]
            answer = ask("".join(part for is_action, part in body if not is_action))
            if answer is not None:
                yield _sentence(body, answer)
            place = end
        else:
            yield _value(text, "$value", "$labels", value, labels)
        place += 1


def _sentence(body: list[tuple[bool, str]], answer: Found) -> str:
    """What stands inside of `range`: texts, labels and value of the answer, and one choice."""
    parts: list[str] = []
    chosen, shown = False, True
    for action, text in body:
        if not action:
            parts.append(text if shown else "")
        elif text.startswith(("if ", "else if ")):
            chosen = chosen and text.startswith("else")
            shown = not chosen and _holds(text, answer)
            chosen = chosen or shown
        elif text == "end":
            shown = True
        else:
            parts.append(_value(text, ".Value", ".Labels", answer.value, answer.labels))
    return "".join(parts)


def _holds(condition: str, answer: Found) -> bool:
    if found := MATCH.fullmatch(condition):
        return re.search(found["pattern"], answer.labels[found["label"]]) is not None
    if found := EQUAL.fullmatch(condition):
        return answer.labels[found["label"]] == found["text"]
    raise ValueError(f"{condition}: no such condition is known here")


def _end(tokens: list[tuple[bool, str]], begin: int) -> int:
    depth = 0
    for place in range(begin, len(tokens)):
        action, text = tokens[place]
        if action and text.startswith(("range ", "if ")):
            depth += 1
        if action and text == "end":
            depth -= 1
            if depth == 0:
                return place
    raise ValueError("a block of a template has no end")


def _value(action: str, value_name: str, labels_name: str, value: float, labels: Mapping[str, str]) -> str:
    if action.startswith(f"{labels_name}."):
        return labels.get(action.removeprefix(f"{labels_name}."), "")
    if action == f'printf "%.0f" {value_name}':
        return f"{value:.0f}"
    name, _, function = action.partition(" | ")
    if name == value_name and function in FORMATS:
        return FORMATS[function](value)
    raise ValueError(f"{action}: no such action is known here")
