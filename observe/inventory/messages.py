"""What pydantic found, said to the person who wrote the file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from pydantic_core import ErrorDetails

from observe.errors import shorten
from observe.model import Path
from observe.model.fields import MEANINGS
from observe.model.service import DEFAULTABLE

UNKNOWN_KEY: Final = "OBS003"
MISSING_KEY: Final = "OBS004"
WRONG_VALUE: Final = "OBS005"


def dotted(path: Path) -> str:
    """`services.order-service.ports[0].number`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "the inventory"


def suggest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return close[0] if close else None


def explain(error: ErrorDetails, model: type) -> tuple[str, str, str]:
    """Code, problem and remedy for an error at `error["loc"]` inside `model`."""
    kind = error["type"]
    if kind == "unexpected_keyword_argument":
        known = _keys_at(model, error["loc"][:-1])
        return (UNKNOWN_KEY, "is not a known key", _did_you_mean(str(error["loc"][-1]), known, "remove it"))
    if kind == "missing":
        place = "here or under defaults" if error["loc"][-1] in DEFAULTABLE and len(error["loc"]) == 1 else "it"
        return (MISSING_KEY, "is missing", f"add {place}")
    return (WRONG_VALUE, *_wrong_value(error))


def _wrong_value(error: ErrorDetails) -> tuple[str, str]:
    kind, shown, context = error["type"], show(error["input"]), error.get("ctx", {})
    if kind == "value_error":
        return (str(context["error"]), f"mend {shown}")
    if kind == "literal_error":
        known = [word.strip("'") for word in context["expected"].replace(" or ", ", ").split(", ")]
        return (f"is {shown}, which is no valid choice", _did_you_mean(str(error["input"]), known, "choose one"))
    if kind == "string_pattern_mismatch":
        return (f"is {shown}, which is not as it must be", f"write {MEANINGS[context['pattern']]}")
    if kind in _TYPES:
        return (f"is {shown}, which is not {_TYPES[kind]}", f"write {_TYPES[kind]}{_yaml_trap(error['input'])}")
    if kind in _LIMITS:
        return (f"is {shown}, which is out of range", f"write {_LIMITS[kind].format(**context)}")
    return (f"is {shown}: {error['msg']}", "mend the value")


_TYPES: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "dataclass_type": "a mapping",
}

_LIMITS: Final = {
    "greater_than_equal": "{ge} or more",
    "greater_than": "more than {gt}",
    "less_than_equal": "{le} or less",
    "less_than": "less than {lt}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} character",
    "too_short": "at least {min_length} entry",
}


def show(value: Any) -> str:
    """A value as its writer would recognise it."""
    if isinstance(value, str):
        return f'"{shorten(value, 60)}"'
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "empty"
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, tuple) else shorten(str(value), 60)


def _yaml_trap(value: Any) -> str:
    """YAML 1.1 reads on, yes, 1.30 and 2026-01-01 as something else than text."""
    return " (in quotes, so that YAML takes it as text)" if isinstance(value, bool | int | float) or hasattr(value, "isoformat") else ""


def _did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    names = sorted(known)
    close = suggest(word, names)
    return f"did you mean {close}?" if close else f"{otherwise}; known are {', '.join(names)}"


def _keys_at(model: Any, path: Iterable[str | int]) -> list[str]:
    """The keys that the class at `path` below `model` has."""
    for part in path:
        if isinstance(part, str) and is_dataclass(model):
            model = get_type_hints(model).get(part)
        model = _class_in(model)
    return [item.name for item in fields(model)] if is_dataclass(model) else []


def _class_in(hint: Any) -> Any:
    """The class inside `X | None` or `tuple[X, ...]`."""
    if get_origin(hint) in (Union, UnionType, tuple):
        return next((inner for inner in get_args(hint) if is_dataclass(inner)), hint)
    return hint
