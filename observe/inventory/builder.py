"""Parser events to plain data, with the position of every key and item.

Read event by event rather than with PyYAML's composer: that one recurses in C, and a few thousand brackets end the
process. Here depth, size and aliases are bounded, and hostile text ends in a refusal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import yaml

from observe.inventory.messages import dotted, printable
from observe.inventory.scalar import plain

if TYPE_CHECKING:
    from observe.model import Path

DEEPEST: Final = 40
"""Levels of nesting; an inventory has eight."""
MOST_VALUES: Final = 3_000_000
"""Values of one file; ten thousand services are about half a million."""
MOST_ALIASED: Final = 20_000
"""Values that aliases may repeat: a few lines of them can stand for billions."""

_STANDARD: Final = "tag:yaml.org,2002:"
_TEXT: Final = f"{_STANDARD}str"
_AGAIN: Final = " (again)"


class Refused(Exception):
    """The text cannot be an inventory; what comes after this place was not read."""

    def __init__(self, place: tuple[int, int], problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.place, self.problem, self.remedy = place, problem, remedy


class Repeated(NamedTuple):
    """A key that its mapping has already."""

    place: tuple[int, int]
    path: Path
    first: int
    """Line of the first one, from 0."""


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is being read."""

    path: Path
    anchor: str | None
    mapping: dict[str, Any] | None
    """None for a list."""
    items: list[Any] = field(default_factory=list)
    key: str | None = None
    """The key whose value comes next."""
    below: str = ""
    """The same as part of a path; a repeated key has one of its own, so that the first one's positions stay."""
    values: int = 1


@dataclass(slots=True)
class Builder:
    """Takes events in their order; afterwards it holds what they said."""

    root: Any = None
    """Dicts, tuples and scalars. Tuples, so that what was validated needs no copy to be frozen."""
    positions: dict[Path, tuple[int, int]] = field(default_factory=dict)
    """Line and column, from 0, of every key (mappings) and item (lists); the root is `()`."""
    spelled: dict[Path, str] = field(default_factory=dict)
    """How numbers were written that Python would write differently: `1.30`."""
    repeated: list[Repeated] = field(default_factory=list)
    _anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)
    _frames: list[_Frame] = field(default_factory=list)
    _values: int = 0
    _aliased: int = 0
    _documents: int = 0

    def take(self, event: yaml.Event) -> None:
        """Add an event; raises Refused."""
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close()
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                remedy = "give each document its own file, and load the directory"
                raise Refused(place_of(event), "holds more than one YAML document", remedy)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        tag = event.tag
        if tag not in (None, "!", _TEXT):
            raise Refused(place_of(event), f"uses the tag {_short(tag)}", "write the value without a tag")
        if self._expects_key():
            self._key(event)
            return
        path = self._value_begins(event)
        value: Any = event.value
        if event.implicit[0] and tag is None:
            value = plain(event.value)
            if isinstance(value, float) and repr(value) != event.value:
                self.spelled[path] = event.value
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        self._place(value, 1, event)

    def _key(self, event: yaml.ScalarEvent) -> None:
        """A key is text as it is written: `on` and `1.30` are what they look like."""
        frame, key = self._frames[-1], event.value
        assert frame.mapping is not None  # noqa: S101 - only mappings expect keys
        if not key:
            raise Refused(place_of(event), "has an empty key", "write the key before the colon")
        if key == "<<" and event.implicit[0]:
            raise Refused(place_of(event), "uses the merge key <<", "write the values out, or put them under defaults")
        frame.key = frame.below = key
        if key in frame.mapping:
            path = (*frame.path, key)
            self.repeated.append(Repeated(place_of(event), path, self.positions[path][0]))
            frame.below = key + _AGAIN
        self.positions.setdefault((*frame.path, frame.below), place_of(event))
        if event.anchor:
            self._anchors[event.anchor] = (key, 1)

    def _alias(self, event: yaml.AliasEvent) -> None:
        name = event.anchor or ""
        if self._expects_key():
            raise Refused(place_of(event), f"has the alias *{name} as a key", "write the key out")
        if any(frame.anchor == name for frame in self._frames):
            raise Refused(place_of(event), f"has the alias *{name} inside of what it stands for", "write the value out")
        if name not in self._anchors:
            problem = f"has the alias *{name}, but no anchor &{name} above it"
            raise Refused(place_of(event), problem, "define the anchor before its use, or put the value in quotes")
        value, values = self._anchors[name]
        self._aliased += values
        if self._aliased > MOST_ALIASED:
            problem = f"repeats more than {MOST_ALIASED:,} values by aliases"
            raise Refused(place_of(event), problem, "write the values out, or put them under defaults")
        self._value_begins(event)
        self._place(value, values, event)

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        if len(self._frames) >= DEEPEST:
            problem = f"is nested more than {DEEPEST} levels deep"
            raise Refused(place_of(event), problem, "flatten it; an inventory has eight levels")
        if event.tag and event.tag not in (f"{_STANDARD}map", f"{_STANDARD}seq", "!"):
            raise Refused(place_of(event), f"uses the tag {_short(event.tag)}", "write a plain mapping or list")
        if self._expects_key():
            raise Refused(place_of(event), "has a mapping or list as a key", "put the key in quotes")
        mapping: dict[str, Any] | None = {} if isinstance(event, yaml.MappingStartEvent) else None
        self._frames.append(_Frame(self._value_begins(event), event.anchor, mapping))

    def _close(self) -> None:
        frame = self._frames.pop()
        value = frame.mapping if frame.mapping is not None else tuple(frame.items)
        if frame.anchor:
            self._anchors[frame.anchor] = (value, frame.values)
        self._place(value, frame.values, None)

    def _expects_key(self) -> bool:
        return bool(self._frames) and self._frames[-1].mapping is not None and self._frames[-1].key is None

    def _value_begins(self, event: yaml.Event) -> Path:
        """The path of the value that begins here. A mapping's values stand where their key does."""
        if not self._frames:
            path: Path = ()
        elif self._frames[-1].mapping is not None:
            return (*self._frames[-1].path, self._frames[-1].below)
        else:
            path = (*self._frames[-1].path, len(self._frames[-1].items))
        self.positions[path] = place_of(event)
        return path

    def _place(self, value: Any, values: int, event: yaml.Event | None) -> None:
        """Put a complete value into what holds it."""
        self._values += 1
        if self._values > MOST_VALUES:
            raise Refused(place_of(event), f"has more than {MOST_VALUES:,} values", "split it into several files")
        if not self._frames:
            self.root = value
            return
        frame = self._frames[-1]
        frame.values += values
        if frame.mapping is None:
            frame.items.append(value)
        elif frame.key is not None:
            # The first of two equal keys stays: its position is the one that other messages point to.
            frame.mapping.setdefault(frame.key, value)
            frame.key = None


def place_of(event: yaml.Event | None) -> tuple[int, int]:
    """Line and column of an event, from 0."""
    mark = event.start_mark if event else None
    return (mark.line, mark.column) if mark else (0, 0)


def _short(tag: str | None) -> str:
    return printable(str(tag).replace(_STANDARD, "!!"), 60)


def repeated_key(found: Repeated) -> tuple[str, str, str]:
    """Subject, problem and remedy of a repeated key."""
    return (dotted(found.path), f"is there already, in line {found.first + 1}", "remove one of the two, or merge them")
