"""Plain values as block YAML, byte for byte as PyYAML writes them, several times as fast.

PyYAML builds a node and several events per scalar; half of a large pack's build went there. Structure is written
here; how a text is quoted is asked of PyYAML itself, once per text. A property test holds the two equal.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

import yaml

try:
    from yaml import CSafeDumper as _Library
except ImportError:  # a PyYAML without libyaml: the same bytes, slower
    from yaml import SafeDumper as _Library  # type: ignore[assignment]

LONGEST_KEY: Final = 100
"""PyYAML writes keys of about 128 characters and more in another form (`? key`)."""

_TEXT: Final = "tag:yaml.org,2002:str"

_PLAIN: Final = re.compile(r"[A-Za-z_/(](?:[ -\"$-9;-~]|:(?=[!-~]))*(?<! )")
"""Texts that need no quotes wherever they stand, unless YAML reads them as something else than text: they begin
harmlessly, end in no blank, and hold neither `: ` nor ` #`."""

_QUOTED: Final = re.compile(r"(?! )[ -~]*(?:: | #)[ -~]*(?<! )")
"""Texts that surely need quotes, and no escapes."""


class Dumper(_Library):
    """PyYAML's, which also quotes texts that only other readers take for something else than text, and writes texts of
    several lines line by line.
    """


def _lines(dumper: Dumper, text: str) -> yaml.ScalarNode:
    """Where a text of several lines cannot stand as it is, the library quotes it."""
    return dumper.represent_scalar(_TEXT, text, style="|" if "\n" in text else None)


Dumper.add_representer(str, _lines)

Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"[yYnN]$"), list("yYnN"))
Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)
Dumper.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?0o[0-7_]+$"), list("-+0"))
"""Kubernetes reads `y` as true, `1e3` as 1000 (and so one content hash in 1,300) and `0o17` as 15: it refuses such
a label or annotation. PyYAML follows YAML 1.1, in which the last two are texts, and leaves out `y` and `n`."""
_RESOLVERS: Final = Dumper.yaml_implicit_resolvers


class NotPlain(Exception):
    """The value holds something whose form depends on where it stands."""


def dump(value: dict[str, Any]) -> str:
    """The document; raises NotPlain for texts of several lines, very long keys and other than plain values."""
    lines: list[str] = []
    _mapping(value, "", lines)
    return "".join(lines) or "{}\n"


def _mapping(value: dict[str, Any], indent: str, lines: list[str]) -> None:
    """Lists are not indented below their key, mappings are."""
    for key, item in value.items():
        if isinstance(item, dict) and item:
            lines.append(f"{indent}{_key(key)}:\n")
            _mapping(item, indent + "  ", lines)
        elif isinstance(item, list) and item:
            lines.append(f"{indent}{_key(key)}:\n")
            _sequence(item, indent, lines)
        else:
            lines.append(f"{indent}{_key(key)}: {_scalar(item)}\n")


def _sequence(value: list[Any], indent: str, lines: list[str]) -> None:
    for item in value:
        first = len(lines)
        if isinstance(item, dict) and item:
            _mapping(item, indent + "  ", lines)
        elif isinstance(item, list) and item:
            _sequence(item, indent + "  ", lines)
        else:
            lines.append(f"{indent}  {_scalar(item)}\n")
        # The first line of an item stands behind its dash.
        lines[first] = f"{indent}- {lines[first][len(indent) + 2 :]}"


def _key(key: Any) -> str:
    if not isinstance(key, str) or len(key) > LONGEST_KEY:
        raise NotPlain
    return _text(key)


def _scalar(value: Any) -> str:
    if type(value) is str:
        return _text(value)
    if value is True:
        return "true"
    if value is False:
        return "false"
    if type(value) is int:
        return str(value)
    if value is None or type(value) is float or value in ([], {}):
        return _quoted(value)
    raise NotPlain


@lru_cache(maxsize=65_536)
def _text(text: str) -> str:
    """A text as it stands in a line."""
    if _PLAIN.fullmatch(text) and not _is_something_else(text):
        return text
    if _QUOTED.fullmatch(text):
        return "'" + text.replace("'", "''") + "'"
    if not text.isprintable():
        raise NotPlain
    return _quoted(text)


def _is_something_else(text: str) -> bool:
    """Whether YAML 1.1 would read a boolean, a number, a date or null."""
    return any(pattern.match(text) for _, pattern in _RESOLVERS.get(text[0], ()))


def _quoted(value: Any) -> str:
    """How PyYAML itself writes a value in a list."""
    written: str = yaml.dump([value], Dumper=Dumper, width=2**31 - 1, allow_unicode=True, default_flow_style=False)
    return written[2:-1]
