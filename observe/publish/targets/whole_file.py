"""Files that are read and written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from observe.errors import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCRATCH: Final = ".observe-tmp"
"""How the name of a file that is being written ends."""


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Turn what the system says about `path` into our error: full disk, no permission, no folder."""
    try:
        yield
    except OSError as error:
        told = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror or str(error)
        raise Rejected(f"{path} cannot be used: {told}") from None


def read(path: Path) -> bytes | None:
    """The bytes of a file; None when there is none; raises Rejected for a link, a folder or a pipe."""
    with refusing(path):
        try:
            return _read(path)
        except FileNotFoundError:
            return None


def _read(path: Path) -> bytes:
    """Without waiting, as opening a pipe would."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def write(path: Path, content: bytes) -> None:
    """Write beside the place and rename: who reads sees the old file or the new one. Makes missing folders.

    Nothing is forced to the disk: after a power cut the next run writes what is missing.
    """
    scratch = path.with_name(f".{path.name}{SCRATCH}")
    with refusing(path):
        descriptor = _create(scratch)
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor has no path
                file.write(content)
            scratch.replace(path)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise


def _create(scratch: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    try:
        return os.open(scratch, flags, 0o666)
    except FileNotFoundError:
        scratch.parent.mkdir(parents=True, exist_ok=True)
        return os.open(scratch, flags, 0o666)
