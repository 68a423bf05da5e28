"""What pydantic found, said to the person who wrote the file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, Union, get_args, get_origin, get_type_hints

from observe.errors import shorten
from observe.inventory.codes import MISSING_KEY, UNKNOWN_KEY, WRONG_VALUE
from observe.model import Service, format_percent
from observe.model.fields import MEANINGS
from observe.model.service import DEFAULTABLE

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from observe.model import Path

_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_./-]{1,100}")
LONGEST_GUESS: Final = 100
"""Characters; nobody means a known word by a longer one, and comparing takes time."""


def dotted(path: Path) -> str:
    """`services.order-service.ports[0].number`."""
    text = ""
    for part in path:
        shown = part if isinstance(part, int) or _PLAIN_KEY.fullmatch(part) else f'"{printable(part, 60)}"'
        text += f"[{part}]" if isinstance(part, int) else f".{shown}" if text else str(shown)
    return text or "the inventory"


def printable(text: str, limit: int) -> str:
    """A text on one line, cut to `limit` characters, with nothing in it that a terminal would obey."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in shorten(text, limit) or text[:limit]
    )


def show(value: Any) -> str:
    """A value as its writer would recognise it."""
    if isinstance(value, str):
        return f'"{printable(value, 60)}"'
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "empty"
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, tuple) else shorten(str(value), 60)


def suggest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant; case does not count, nor do `-` and `_`."""
    return _closest(word, tuple(known)) if len(word) <= LONGEST_GUESS else None


@lru_cache(maxsize=1024)
def _closest(word: str, known: tuple[str, ...]) -> str | None:
    spellings = {_folded(candidate): candidate for candidate in known if len(candidate) <= LONGEST_GUESS}
    close = difflib.get_close_matches(_folded(word), spellings, n=1, cutoff=0.6)
    return spellings[close[0]] if close else None


def _folded(word: str) -> str:
    return word.lower().replace("-", "_")


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """A remedy: the word that was probably meant, else all that are known."""
    names = list(known)
    close = suggest(word, names)
    return f"did you mean {close}?" if close else f"{otherwise}; known are {', '.join(names)}"


def explain(error: ErrorDetails, model: type, value: Any, shown: str) -> tuple[str, str, str]:
    """Code, problem and remedy for an error at `error["loc"]` inside `model`, about a value as it was written."""
    kind, loc = error["type"], error["loc"]
    if kind == "unexpected_keyword_argument":
        known = sorted(keys_at(model, loc[:-1]))
        return (UNKNOWN_KEY, "is not a known key", did_you_mean(str(loc[-1]), known, "remove it"))
    if kind == "missing":
        defaultable = model is Service and len(loc) == 1 and loc[0] in DEFAULTABLE
        return (MISSING_KEY, "is missing", "add it here or under defaults" if defaultable else "add it")
    return (WRONG_VALUE, *_wrong_value(error, value, shown))


def _wrong_value(error: ErrorDetails, value: Any, shown: str) -> tuple[str, str]:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":
        problem, _, remedy = str(context["error"]).partition("; ")
        return (problem if isinstance(value, Mapping | tuple) else f"is {shown}, which {problem}", remedy)
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", context["expected"])
        return (f"is {shown}, which is no valid choice", did_you_mean(str(value), known, "choose one"))
    if kind == "string_pattern_mismatch":
        return (f"is {shown}, which is not as it must be", f"write {MEANINGS[context['pattern']]}")
    if kind == "too_short":
        return ("is an empty list", "write at least one entry")
    if kind in _LIMITS:
        as_written = _in_percent(context) if isinstance(value, str) and value.endswith("%") else context
        return (f"is {shown}, which is out of range", f"write {_LIMITS[kind].format(**as_written)}")
    wanted = _TYPES.get(kind, "what it must be")
    return (_not(shown, value, wanted), _remedy(wanted, value, shown))


_TYPES: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "mapping_type": "a mapping",
    "dict_type": "a mapping",
    "dataclass_type": "a mapping",
}

_LIMITS: Final = {
    "greater_than_equal": "{ge} or more",
    "greater_than": "more than {gt}",
    "less_than_equal": "{le} or less",
    "less_than": "less than {lt}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} character",
}


def _not(shown: str, value: Any, wanted: str) -> str:
    return "is empty" if value is None else f"is {shown}, which is not {wanted}"


def _remedy(wanted: str, value: Any, shown: str) -> str:
    """The way out: quotes, where YAML made a number of what looks like text, or their absence."""
    if wanted == "text" and isinstance(value, bool | int | float):
        return f'put it in quotes: "{shown}"'
    if wanted == "a whole number" and isinstance(value, str) and re.fullmatch(r"[1-9][0-9]{0,8}", value):
        return f"write it without quotes: {value}"
    return f"write {wanted}"


def _in_percent(context: dict[str, Any]) -> dict[str, Any]:
    return {name: format_percent(float(limit)) for name, limit in context.items()}


def keys_at(model: type, path: Path) -> tuple[str, ...]:
    """The keys that the class at `path` below `model` has; a service's name is its own key, and none of these."""
    return _keys_at(model, tuple(part for part in path if isinstance(part, str)))


@lru_cache(maxsize=1024)  # reading the hints takes a while, and the same slip is often made many times
def _keys_at(model: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    inside = model
    for name in names:
        inside = _class_in(get_type_hints(inside).get(name)) if is_dataclass(inside) else None
    keys = [item.name for item in fields(inside)] if is_dataclass(inside) else []
    return tuple(key for key in keys if not (inside is Service and key == "name"))


def _class_in(hint: Any) -> Any:
    """The class inside `X | None` or `tuple[X, ...]`."""
    if get_origin(hint) in (Union, UnionType, tuple):
        return next((inner for inner in get_args(hint) if is_dataclass(inner)), hint)
    return hint
