"""YAML text to plain data, with the position of every key and value.

Read event by event rather than with PyYAML's composer: that one recurses in C, and a few thousand brackets end the
process. Here depth, size and aliases are bounded, and hostile text ends in a finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from observe.checks.finding import Finding, Severity
from observe.model import Path, Position

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # a PyYAML without libyaml: the same, slower
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

DEEPEST: Final = 40
"""Levels of nesting; an inventory has eight."""
LARGEST: Final = 64 * 1024 * 1024
"""Bytes of one file; ten thousand services are about ten million."""
MOST_VALUES: Final = 5_000_000
"""Values of one file, aliases counted as often as they are used."""

UNREADABLE: Final = "OBS001"
DUPLICATE_KEY: Final = "OBS002"
WRONG_VALUE: Final = "OBS005"
TEXT: Final = "tag:yaml.org,2002:str"


@dataclass(frozen=True, slots=True)
class Document:
    """One file's content."""

    file: str
    data: Any
    """Dicts, tuples and scalars. Tuples, so that what was validated needs no copy to be frozen."""
    positions: dict[Path, tuple[int, int]]
    """Line and column, from 0, of every key (mappings) and item (sequences); the root is `()`."""
    findings: tuple[Finding, ...] = ()


class _Refused(Exception):
    """The text cannot be an inventory."""

    def __init__(self, mark: yaml.Mark | None, problem: str, remedy: str) -> None:
        self.mark, self.problem, self.remedy = mark, problem, remedy


@dataclass(slots=True)
class _Frame:
    """A mapping or sequence that is being read."""

    path: Path
    mark: yaml.Mark
    anchor: str | None
    mapping: dict[Any, Any] | None
    items: list[Any] = field(default_factory=list)
    key: Any = None
    has_key: bool = False
    values: int = 1


def read(file: str, text: str) -> Document:
    """The content of one file; problems are findings, never exceptions."""
    reader = _Reader(file)
    try:
        return reader.read(text)
    except _Refused as refused:
        mark, problem, remedy = refused.mark, refused.problem, refused.remedy
    except yaml.MarkedYAMLError as error:
        mark, problem = error.problem_mark, f"is not valid YAML: {error.problem or error.context}"
        remedy = "mend the syntax; indentation, a missing colon or an open quote are the usual causes"
    except (yaml.YAMLError, ValueError) as error:
        mark, problem = None, f"is not valid YAML: {' '.join(str(error).split())}"
        remedy = "save the file as UTF-8 text without control characters"
    position = Position(file, mark.line + 1, mark.column + 1) if mark else Position(file, 1, 1)
    finding = Finding(UNREADABLE, Severity.ERROR, position, "the file", problem, remedy)
    return Document(file, None, {}, (*reader.findings, finding))


class _Reader:
    """Builds data from parser events, without recursion."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.findings: list[Finding] = []
        self.positions: dict[Path, tuple[int, int]] = {}
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.frames: list[_Frame] = []
        self.values = 0
        self.root: Any = None
        self.documents = 0
        self.resolver = Loader("")

    def read(self, text: str) -> Document:
        if len(text) > LARGEST:
            raise _Refused(None, f"has more than {LARGEST:,} characters", "split the inventory into several files")
        try:
            for event in yaml.parse(text, Loader=Loader):
                self._take(event)
        finally:
            self.resolver.dispose()
        return Document(self.file, self.root, self.positions, tuple(self.findings))

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event), event, event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close()
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise _Refused(event.start_mark, "holds more than one YAML document", "give each its own file, and load the directory")

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        """A scalar's value by YAML 1.1's rules, as kubectl reads it."""
        tag = event.tag
        if tag is None or tag == "!":
            tag = self.resolver.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag == TEXT:
            return event.value
        if tag == "tag:yaml.org,2002:merge":
            raise _Refused(event.start_mark, "uses the merge key <<", "write the values out, or put them under defaults")
        node = yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark)
        build = self.resolver.yaml_constructors.get(tag)
        if build is None or tag == "tag:yaml.org,2002:binary":
            raise _Refused(event.start_mark, f"uses the tag {tag}", "write plain text, numbers, true or false")
        try:
            return build(self.resolver, node)
        except (ValueError, OverflowError, yaml.YAMLError) as error:
            raise _Refused(event.start_mark, f"has a value that is none: {error}", "put it in quotes") from error

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        if len(self.frames) >= DEEPEST:
            raise _Refused(event.start_mark, f"is nested more than {DEEPEST} levels deep", "flatten it; an inventory has eight")
        if event.tag and not event.tag.startswith("tag:yaml.org,2002:"):
            raise _Refused(event.start_mark, f"uses the tag {event.tag}", "write plain mappings and lists")
        parent = self.frames[-1] if self.frames else None
        if parent and parent.mapping is not None and not parent.has_key:
            raise _Refused(event.start_mark, "has a mapping or list as a key", "use plain text as keys")
        mapping: dict[Any, Any] | None = {} if isinstance(event, yaml.MappingStartEvent) else None
        self.frames.append(_Frame(self._here(event), event.start_mark, event.anchor, mapping))

    def _close(self) -> None:
        frame = self.frames.pop()
        value = frame.mapping if frame.mapping is not None else tuple(frame.items)
        if frame.anchor:
            self.anchors[frame.anchor] = (value, frame.values)
        self._place(value, frame.values)

    def _alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor not in self.anchors:
            raise _Refused(event.start_mark, f"refers to *{event.anchor}, which is not complete yet", "define the anchor before its use")
        value, values = self.anchors[event.anchor]
        self._add(value, event, None, values)

    def _add(self, value: Any, event: yaml.NodeEvent, anchor: str | None, values: int = 1) -> None:
        frame = self.frames[-1] if self.frames else None
        if anchor:
            self.anchors[anchor] = (value, values)
        if frame is not None and frame.mapping is not None and not frame.has_key:
            self._key(frame, value, event)
            return
        self._here(event)
        self._place(value, values)

    def _key(self, frame: _Frame, key: Any, event: yaml.NodeEvent) -> None:
        if isinstance(key, dict | tuple):
            raise _Refused(event.start_mark, "has a mapping or list as a key", "use plain text as keys")
        if not isinstance(key, str):
            spelled = getattr(event, "value", key)
            self._report(WRONG_VALUE, event, f"key {spelled}", "is read as a number or a boolean", "put the key in quotes")
            key = str(spelled)
        assert frame.mapping is not None  # noqa: S101 - the caller looked
        if key in frame.mapping:
            first = self.positions[(*frame.path, key)]
            self._report(
                DUPLICATE_KEY, event, f"key {key}", f"is there already, in line {first[0] + 1}", "remove one of the two, or merge them"
            )
        else:
            self.positions[(*frame.path, key)] = (event.start_mark.line, event.start_mark.column)
        frame.key, frame.has_key = key, True

    def _here(self, event: yaml.NodeEvent) -> Path:
        """The path of the value that begins at this event. Items and the root are found here; values by their key."""
        if not self.frames:
            path: Path = ()
        elif self.frames[-1].mapping is not None:
            return (*self.frames[-1].path, self.frames[-1].key)
        else:
            path = (*self.frames[-1].path, len(self.frames[-1].items))
        self.positions[path] = (event.start_mark.line, event.start_mark.column)
        return path

    def _place(self, value: Any, values: int) -> None:
        self.values += 1
        if not self.frames:
            self.root = value
            return
        frame = self.frames[-1]
        frame.values += values
        if frame.values > MOST_VALUES or self.values > MOST_VALUES:
            raise _Refused(frame.mark, f"has more than {MOST_VALUES:,} values once aliases are followed", "use fewer aliases")
        if frame.mapping is not None:
            # The first of two equal keys stays: its position is the one that other messages point to.
            frame.mapping.setdefault(frame.key, value)
            frame.has_key = False
        else:
            frame.items.append(value)

    def _report(self, code: str, event: yaml.NodeEvent, subject: str, problem: str, remedy: str) -> None:
        position = Position(self.file, event.start_mark.line + 1, event.start_mark.column + 1)
        self.findings.append(Finding(code, Severity.ERROR, position, subject, problem, remedy))


def nearest(path: Path) -> Iterator[Path]:
    """The path, then its parents: where to point when the value itself is not in the file."""
    for length in range(len(path), -1, -1):
        yield path[:length]
