"""The texts of an inventory, from where they lie."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from observe.errors import UsageError
from observe.inventory.source import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterator

STDIN: Final = "-"
SUFFIXES: Final = (".yaml", ".yml")


def texts_at(path: str) -> Iterator[tuple[str, str]]:
    """File name and content of each file, sorted by name.

    Raises UsageError when there is nothing, or when something cannot be read.
    """
    if path == STDIN:
        yield "<stdin>", _decoded("standard input", sys.stdin.buffer.read(LARGEST + 1))
        return
    try:
        for file in _files_at(path):
            yield str(file), _decoded(str(file), _content(file))
    except OSError as error:
        raise UsageError(f"{error.filename or path} cannot be read: {error.strerror or error}") from error


def _files_at(path: str) -> list[Path]:
    root = Path(path)
    if not path or not root.exists():
        raise UsageError(
            f"there is no inventory at {path or '(nothing)'}; give a file, a directory or - with --inventory"
        )
    if not root.is_dir():
        return [root]
    files = sorted(_files_below(root))
    if not files:
        raise UsageError(f"the directory {path} holds no *.yaml or *.yml file; an inventory has at least one")
    return files


def _files_below(root: Path) -> Iterator[Path]:
    """The files of a directory and its subdirectories. Hidden ones are left out, and links to directories are not
    followed, so there are no circles. A link that leads nowhere counts: reading it fails, rather than losing it.
    """

    def fail(error: OSError) -> None:
        raise error

    for place, directories, names in os.walk(root, onerror=fail):
        directories[:] = [name for name in directories if not name.startswith(".")]
        for name in names:
            file = Path(place, name)
            readable = file.is_file() or (file.is_symlink() and not file.exists())
            if file.suffix in SUFFIXES and not name.startswith(".") and readable:
                yield file


def _content(file: Path) -> bytes:
    """A little more than may be read, so that too much is noticed; never all of a device that has no end."""
    with file.open("rb") as stream:
        return stream.read(LARGEST + 1)


def _decoded(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} is none"
        raise UsageError(f"{name} cannot be read: it is not UTF-8 text ({where}); save it as UTF-8") from error
