"""`observe-pack.json`: which files of a folder belong to the pack. Sorted and undated, to be committed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from observe.errors import Conflict, Rejected
from observe.publish.targets import whole_file

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

MANIFEST: Final = "observe-pack.json"


class PackManifest:
    """The manifest of one folder.

    While files are being written it says so, and lists old and new ones alike: whatever a run that ends
    suddenly leaves behind, the next one knows as its own.
    """

    def __init__(self, path: Path, mesh: str) -> None:
        self._path = path
        self._mesh = mesh
        self._written: bytes | None = None
        self._files: Mapping[str, str] = {}
        self.unfinished = False
        """Whether the last run did not come to its end."""

    def read(self) -> Mapping[str, str]:
        """The SHA-256 of each file by its path; empty for a folder without a manifest.

        Raises Conflict for another pack's manifest, Rejected for one that cannot be understood.
        """
        self._written = whole_file.read(self._path)
        if self._written is not None:
            content = self._parsed(self._written)
            self._files, self.unfinished = content["files"], bool(content.get("unfinished"))
        return self._files

    def _parsed(self, text: bytes) -> dict[str, Any]:
        try:
            content = orjson.loads(text)
            pack, paths = content["pack"], [*content["files"].items()]
        except (ValueError, LookupError, TypeError, AttributeError):
            raise self._damaged("it is no manifest") from None
        if pack != self._mesh:
            raise Conflict(f"{self._path.parent} holds the pack {pack!r}, not {self._mesh!r}: name another folder")
        odd = [path for path, digest in paths if not is_inside(path) or not isinstance(digest, str)]
        if odd:
            raise self._damaged(f"it lists {odd[0]!r}")
        found: dict[str, Any] = content
        return found

    def _damaged(self, why: str) -> Rejected:
        return Rejected(f"{self._path} is damaged ({why}): restore it, or delete it and the generated files beside it")

    def announce(self, coming: Mapping[str, str]) -> None:
        """Say what is about to be written, beside what is there."""
        self._write({**self._files, **coming}, unfinished=True)

    def settle(self, there: Mapping[str, str], removed: Collection[str], exists: Callable[[str], bool]) -> None:
        """Say what is there in the end; old files stay listed unless they were removed or are gone."""
        kept = {
            path: digest
            for path, digest in self._files.items()
            if path in there or (path not in removed and exists(path))
        }
        if there or self._written is not None:
            self._write({**kept, **there}, unfinished=False)

    def _write(self, files: Mapping[str, str], *, unfinished: bool) -> None:
        mark = {"unfinished": True} if unfinished else {}
        content = {"pack": self._mesh, **mark, "files": dict(sorted(files.items()))}
        text = orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        if text != self._written:
            whole_file.write(self._path, text)
            self._written = text


def is_inside(path: str) -> bool:
    """Whether a path of the pack stays below the folder and is no manifest."""
    parts = path.split("/")
    return parts[0] not in ("", MANIFEST) and ".." not in parts and "\0" not in path
