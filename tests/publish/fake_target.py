"""A target in memory, of the same Protocol as the real ones."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from observe.artifact import Artifact, Kind
from observe.publish.target import Independent, Key, Remote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from observe.errors import ObserveError


def file_key(path: str) -> Key:
    return Key("File", "", path)


def artifact(path: str, digest: str = "d1") -> Artifact:
    return Artifact(Kind.RUNBOOK, path, digest.encode(), digest)


def remote(path: str, digest: str = "d1", *, foreign: str = "", expires: str = "") -> Remote:
    return Remote(file_key(path), digest, foreign=foreign, expires=expires, parts=parts_of(digest))


def parts_of(digest: str) -> dict[str, str]:
    """What others name inside of an object stands behind its digest: `d1+v1+v2`."""
    return {name: f"part {name}" for name in digest.split("+")[1:]}


class FakeTarget(Independent):
    """Takes files; the phase is the number that a path begins with, as in `2/name`."""

    name = "fake"

    def __init__(self, *held: Remote, fails: Mapping[str, BaseException] | None = None, workers: int = 1) -> None:
        self.held = {found.key: found for found in held}
        self.fails = dict(fails or {})
        """What is raised for which path, or for `begin`, `finish` and `announce`."""
        self.workers = workers
        self.calls: list[str] = []
        self.on_call: Callable[[str], object] = str
        self.present: tuple[str, ...] = ()
        self.removed: tuple[str, ...] = ()
        self.announced: str | None = None
        self._lock = threading.Lock()

    def wants(self, artifact: Artifact) -> bool:
        return artifact.kind is Kind.RUNBOOK

    def key(self, artifact: Artifact) -> Key:
        return file_key(artifact.path)

    def difference(self, artifact: Artifact, remote: Remote) -> str:
        return "" if artifact.digest == remote.digest else "its content changed"

    def phase(self, key: Key) -> int:
        return int(key.name.partition("/")[0])

    def parts(self, artifact: Artifact) -> Mapping[str, Any]:
        return parts_of(artifact.digest)

    def keeping(self, artifact: Artifact, parts: Mapping[str, Any]) -> Artifact:
        return replace(artifact, digest="+".join((artifact.digest, *parts)))

    def owned(self) -> Mapping[Key, Remote]:
        return {key: found for key, found in self.held.items() if found.owned}

    def list(self, artifacts: Sequence[Artifact]) -> Mapping[Key, Remote]:  # noqa: ARG002
        return dict(self.held)

    def begin(self, artifacts: Sequence[Artifact]) -> None:  # noqa: ARG002
        self._call("begin", "begin")

    def create(self, artifact: Artifact) -> None:
        self._call("create", artifact.path)
        self.held[self.key(artifact)] = Remote(self.key(artifact), artifact.digest)

    def update(self, artifact: Artifact, remote: Remote) -> None:
        self._call("update", artifact.path)
        self.held[remote.key] = Remote(remote.key, artifact.digest)

    def delete(self, remote: Remote) -> None:
        self._call("delete", remote.key.name)
        del self.held[remote.key]

    def finish(self, present: Sequence[Artifact], removed: Sequence[Key]) -> None:
        self.present = tuple(sorted(found.path for found in present))
        self.removed = tuple(sorted(key.name for key in removed))
        self._call("finish", "finish")

    def announce(self, text: str) -> None:
        self.announced = text
        if "announce" in self.fails:
            raise self.fails["announce"]

    def read(self, key: Key) -> str | None:
        found = self.held.get(key)
        return None if found is None else f"{found.digest}\n"

    def preview(self, artifact: Artifact, remote: Remote | None) -> str:  # noqa: ARG002
        return f"{artifact.digest}\n"

    def close(self) -> None:
        self.calls.append("close")

    def _call(self, action: str, path: str) -> None:
        with self._lock:
            self.calls.append(action if action == path else f"{action} {path}")
        self.on_call(path)
        if path in self.fails:
            raise self.fails[path]


def failures(error: type[ObserveError], *paths: str) -> dict[str, BaseException]:
    return {path: error(f"no luck with {path}") for path in paths}
