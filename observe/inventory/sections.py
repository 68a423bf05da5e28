"""The three sections of an inventory as raw data, and where each value of them stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from observe.inventory.messages import show
from observe.inventory.source import Document, nearest
from observe.model import Path, Position
from observe.model.service import DEFAULTABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTHING: Final = object()
"""Where there is no value, not even an empty one."""


@dataclass
class Sections:
    """What the documents say, section by section."""

    documents: tuple[Document, ...]
    mesh: Mapping[str, Any] | None = None
    defaults: dict[str, Any] = field(default_factory=dict)
    services: dict[str, Any] = field(default_factory=dict)
    complete: bool = True
    """False when a file or a section could not be read: what seems missing may be there."""
    misspelt: set[Path] = field(default_factory=set)
    """Keys that are there under another name, which was reported; that they are missing is no news."""
    _home: dict[Path, Document] = field(default_factory=dict)
    """Which document each section and each service came from."""

    def locate(self, path: Path) -> Position | None:
        """Where a value stands: in its service, in the defaults, or else where its nearest parent stands."""
        for candidate in nearest(path):
            if position := self.place(candidate):
                return position
        return Position(self.documents[0].file, 1, 1) if self.documents else None

    def place(self, path: Path) -> Position | None:
        """Where exactly a value is written: in its service or in the defaults; None when it is not."""
        documents = ((place, self._document(place)) for place in _places(path))
        positions = (document.position(place) for place, document in documents if document)
        return next((position for position in positions if position), None)

    def written(self, path: Path, value: Any) -> str:
        """A value as its writer wrote it: `1.30`, not 1.3."""
        document = self._document(path)
        return (document.spelled.get(path) if document else None) or show(value)

    def with_defaults(self, key: str) -> dict[str, Any]:
        """A service's own values over the defaults."""
        return _below(self.defaults, self.services[key])

    def origin(self, key: str, inside: Path) -> Path:
        """The path of a service's value as it was written: in the service itself, else in the defaults."""
        if value_at(self.services[key], inside) is not NOTHING or value_at(self.defaults, inside) is NOTHING:
            return ("services", key, *inside)
        return ("defaults", *inside)

    def take(self, document: Document, path: Path, value: Any) -> Document:
        """Take a section or a service; gives back the document that it is from: another one, if it was there."""
        first = self._home.setdefault(path, document)
        if first is not document:
            return first
        if path[0] == "services":
            self.services[str(path[1])] = value
        elif path[0] == "defaults":
            self.defaults = dict(value)
        else:
            self.mesh = value
        return document

    def _document(self, path: Path) -> Document | None:
        return self._home.get(path[:2]) or self._home.get(path[:1])


def _places(path: Path) -> Iterator[Path]:
    """Where a value may stand: at its path, or for a service's value under defaults."""
    yield path
    if path[:1] == ("services",) and len(path) > 2 and path[2] in DEFAULTABLE:
        yield ("defaults", *path[2:])


def value_at(data: Any, path: Path) -> Any:
    """What stands at the path; NOTHING when it leads nowhere."""
    for part in path:
        in_mapping = isinstance(data, Mapping) and part in data
        in_list = isinstance(data, tuple) and isinstance(part, int) and part < len(data)
        if not (in_mapping or in_list):
            return NOTHING
        data = data[part]
    return data


def _below(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """`own` over `defaults`, mappings merged key by key."""
    merged = dict(defaults)
    for key, value in own.items():
        under = merged.get(key)
        both = isinstance(under, dict) and isinstance(value, dict)
        merged[key] = _below(under, value) if both else value  # type: ignore[arg-type] # both are dicts
    return merged
