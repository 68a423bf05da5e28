"""YAML text to a Document: plain data, positions, and findings instead of exceptions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from observe.checks.finding import Finding, Severity
from observe.inventory.builder import Builder, Refused, repeated_key
from observe.inventory.codes import DUPLICATE_KEY, UNREADABLE
from observe.inventory.messages import printable
from observe.model import Position

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Path

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # a PyYAML without libyaml: the same, slower
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

LARGEST: Final = 64 * 1024 * 1024
"""Characters of one file; ten thousand services are about ten million."""

_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML allows nowhere (its specification, production `c-printable`)."""


@dataclass(frozen=True, slots=True)
class Document:
    """One file's content."""

    file: str
    data: Any
    """Dicts, tuples and scalars; None for an empty file."""
    positions: dict[Path, tuple[int, int]]
    """Line and column, from 0, of every key (mappings) and item (lists); the root is `()`."""
    spelled: dict[Path, str]
    """How numbers were written that Python would write differently: `1.30`."""
    findings: tuple[Finding, ...] = ()
    readable: bool = True
    """False when `data` is missing because the text is no YAML."""

    def position(self, path: Path) -> Position | None:
        """Where a value stands; None when it is not in the file."""
        place = self.positions.get(path)
        return Position(self.file, place[0] + 1, place[1] + 1) if place else None


def read(file: str, text: str) -> Document:
    """The content of one file; problems are findings, never exceptions."""
    text = text.removeprefix("\ufeff")
    builder = Builder()
    refused = _feed(builder, text)
    findings = [_finding(file, repeated.place, DUPLICATE_KEY, *repeated_key(repeated)) for repeated in builder.repeated]
    if refused is None:
        return Document(file, builder.root, builder.positions, builder.spelled, tuple(findings))
    findings.append(_finding(file, refused.place, UNREADABLE, "the file", refused.problem, refused.remedy))
    return Document(file, None, {}, {}, tuple(findings), readable=False)


def _feed(builder: Builder, text: str) -> Refused | None:
    """Build from the text; gives back what stopped it."""
    try:
        _refuse_early(text)
        for event in yaml.parse(text, Loader=Loader):
            builder.take(event)
    except Refused as refused:
        return refused
    except yaml.MarkedYAMLError as error:
        return _syntax_error(error, text)
    except yaml.YAMLError as error:
        problem = f"is not valid YAML: {printable(str(error), 200)}"
        return Refused((0, 0), problem, "save it as UTF-8 text without control characters")
    return None


def _refuse_early(text: str) -> None:
    if len(text) > LARGEST:
        raise Refused((0, 0), f"has more than {LARGEST:,} characters", "split the inventory into several files")
    forbidden = _FORBIDDEN.search(text)
    if forbidden:
        before = text[: forbidden.start()]
        place = (before.count("\n"), len(before) - before.rfind("\n") - 1)
        problem = f"holds the character U+{ord(forbidden.group()):04X}, which YAML does not allow"
        raise Refused(place, problem, "remove it, or write it as an escape in double quotes")


def _syntax_error(error: yaml.MarkedYAMLError, text: str) -> Refused:
    mark, begun = error.problem_mark or error.context_mark, error.context_mark
    place = (mark.line, mark.column) if mark else (0, 0)
    said = " ".join(part for part in (error.problem, error.context) if part)
    if begun and begun.line != place[0]:
        said += f", begun in line {begun.line + 1}"
    if _character_at(text, place) == "\t":
        return Refused(place, f"is not valid YAML: {printable(said, 200)}", "indent with blanks instead of tabs")
    remedy = "mend the syntax; indentation, a missing colon or an open quote are the usual causes"
    return Refused(place, f"is not valid YAML: {printable(said, 200)}", remedy)


def _character_at(text: str, place: tuple[int, int]) -> str:
    lines = text.splitlines()
    line = lines[place[0]] if place[0] < len(lines) else ""
    return line[place[1] : place[1] + 1]


def _finding(file: str, place: tuple[int, int], code: str, subject: str, problem: str, remedy: str) -> Finding:
    position = Position(file, place[0] + 1, place[1] + 1)
    return Finding(code, Severity.ERROR, position, subject, problem, remedy)


def nearest(path: Path) -> Iterator[Path]:
    """The path, then its parents: where to point when the value itself is not in the file."""
    for length in range(len(path), -1, -1):
        yield path[:length]
