"""The pack as files below one folder, the way that they are committed.

A file is complete or untouched, an unchanged one is not rewritten, and one that is not ours stays as it is.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from observe import naming
from observe.errors import Rejected, UsageError
from observe.publish import expiry
from observe.publish.target import Independent, Key, Remote
from observe.publish.targets import whole_file
from observe.publish.targets.pack_manifest import MANIFEST, PackManifest, is_inside
from observe.publish.targets.whole_file import SCRATCH, refusing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from observe.artifact import Artifact

KIND: Final = "File"
FULL_DIGEST: Final = 64
"""All hexadecimal digits of a SHA-256, as `sha256sum` prints them."""


class DirectoryTarget(Independent):
    """A folder that holds a pack, with a manifest that says which of its files belong to the pack."""

    name = "directory"
    workers = 1
    """Threads would wait for each other: the cost is system calls, and Python between them."""

    def __init__(self, root: Path, *, mesh: str) -> None:
        """`mesh` is the pack's name. Raises UsageError when `root` is there and no folder."""
        with refusing(root):
            if root.exists() and not root.is_dir():
                raise UsageError(f"{root} is not a folder: name one, or a path where nothing is")
        self._root = root
        self._manifest = PackManifest(root / MANIFEST, mesh)
        self._checked: set[str] = set()
        """Folders of the pack that were found to be real ones, or not there yet."""

    def wants(self, artifact: Artifact) -> bool:  # noqa: ARG002 - every artifact is a file
        return True

    def key(self, artifact: Artifact) -> Key:
        return Key(KIND, "", artifact.path)

    def difference(self, artifact: Artifact, remote: Remote) -> str:
        return "" if remote.digest == artifact.digest else "its content changed"

    def list(self, artifacts: Sequence[Artifact]) -> Mapping[Key, Remote]:
        """What is there of the pack's files, old and new.

        A file with exactly the wanted bytes carries the wanted digest, whoever wrote it.
        Raises Conflict when the folder holds another pack, Rejected when its manifest is damaged.
        """
        known = self._manifest.read()
        if self._manifest.unfinished:
            self._sweep()
        wanted = {artifact.path: artifact for artifact in artifacts}
        paths = dict.fromkeys((*wanted, *known))
        found = (self._remote(path, wanted.get(path), listed=path in known) for path in paths)
        return {remote.key: remote for remote in found if remote is not None}

    def owned(self) -> Mapping[Key, Remote]:
        """The files that the folder's manifest lists, with the days on which they expire.

        Raises Rejected for one that carries such a day and cannot be understood.
        """
        found = (self._remote(path, None, listed=True) for path in self._manifest.read())
        ours = (remote for remote in found if remote is not None and remote.owned)
        return {remote.key: replace(remote, expires=self._expires(remote.key.name)) for remote in ours}

    def _expires(self, path: str) -> str:
        content = whole_file.read(self._place(path))
        return expiry.written_in(path, content or b"")

    def _remote(self, path: str, artifact: Artifact | None, *, listed: bool) -> Remote | None:
        key = Key(KIND, "", path)
        try:
            content = whole_file.read(self._place(path))
        except Rejected as error:
            return Remote(key, "", foreign=str(error))
        if content is None:
            return None
        if artifact is not None and artifact.content == content:
            return Remote(key, artifact.digest)
        return Remote(key, "", foreign="" if listed else f"it is there, differs, and is not listed in {MANIFEST}")

    def begin(self, artifacts: Sequence[Artifact]) -> None:
        """Announce what is about to be written: after a sudden end those files are known to be ours."""
        self._manifest.announce({artifact.path: _sha256(artifact) for artifact in artifacts})

    def create(self, artifact: Artifact) -> None:
        whole_file.write(self._place(artifact.path), artifact.content)

    def update(self, artifact: Artifact, remote: Remote) -> None:  # noqa: ARG002 - a file is replaced whole
        whole_file.write(self._place(artifact.path), artifact.content)

    def delete(self, remote: Remote) -> None:
        """Remove a file, and the folders that it leaves empty."""
        path = self._place(remote.key.name)
        with refusing(path):
            path.unlink(missing_ok=True)
        folders = PurePosixPath(remote.key.name).parents[:-1]
        with contextlib.suppress(OSError):  # the first folder that still holds something
            for folder in folders:
                (self._root / folder).rmdir()

    def finish(self, present: Sequence[Artifact], removed: Sequence[Key]) -> None:
        """Write down what the folder holds of the pack now."""
        there = {artifact.path: _sha256(artifact) for artifact in present}
        self._manifest.settle(there, {key.name for key in removed}, self._exists)

    def announce(self, text: str) -> None:
        """Nobody is told: Git shows what changed."""

    def read(self, key: Key) -> str | None:
        content = whole_file.read(self._place(key.name))
        return None if content is None else content.decode(errors="replace")

    def preview(self, artifact: Artifact, remote: Remote | None) -> str:  # noqa: ARG002 - a file is replaced whole
        return artifact.content.decode(errors="replace")

    def close(self) -> None:
        """Nothing is open."""

    def _place(self, path: str) -> Path:
        """Where a file of the pack lies; raises Rejected when the way there leads out of the folder."""
        if not is_inside(path):
            raise Rejected(f"{path} is no path of a pack")
        self._check(path.rpartition("/")[0])
        return self._root / path

    def _check(self, folder: str) -> None:
        """Make sure that a folder of the pack, and each above it, is no link; every one is looked at once."""
        if not folder or folder in self._checked:
            return
        self._check(folder.rpartition("/")[0])
        place = self._root / folder
        with refusing(place):
            if place.is_symlink():
                raise Rejected(f"{place} is a symbolic link: what lies behind it is no part of the pack")
        self._checked.add(folder)

    def _exists(self, path: str) -> bool:
        return os.path.lexists(self._root / path)

    def _sweep(self) -> None:
        """Remove what a run that ended suddenly was writing."""
        for left in self._root.rglob(f".*{SCRATCH}"):
            with contextlib.suppress(OSError):
                left.unlink()


def _sha256(artifact: Artifact) -> str:
    return naming.digest(artifact.content, FULL_DIGEST)
