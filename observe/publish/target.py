"""The seam to the live systems: what `plan`, `diff` and `apply` ask of a place to publish to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from observe.artifact import Artifact

OF_TWO_GROUPS: Final = frozenset({"Gateway"})
"""Kinds whose name says too little: Istio has one, and the Gateway API another."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What a target knows an object by, whatever the object holds at the moment."""

    kind: str
    namespace: str
    """The Kubernetes namespace; empty where there is none."""
    name: str
    """The object's name, a dashboard's uid, or a file's path in the pack."""
    api_version: str = ""
    """Such as `networking.istio.io/v1`; empty outside Kubernetes."""

    def __str__(self) -> str:
        group = self.api_version.rpartition("/")[0] if self.kind in OF_TWO_GROUPS else ""
        kind = ".".join(filter(None, (self.kind, group)))
        return " ".join((kind, "/".join(filter(None, (self.namespace, self.name)))))


@dataclass(frozen=True, slots=True)
class Remote:
    """An object that is there, as far as one listing tells."""

    key: Key
    digest: str
    """The content hash that it carries; empty when it carries none."""
    foreign: str = ""
    """Why it is not ours to change, as a part of a sentence; empty when it is ours."""
    place: str = ""
    """Where it lies, when that can change: a dashboard's folder."""
    uid: str = ""
    """What tells it from an earlier object of the same name."""
    revision: str = ""
    """The version of it that was seen."""
    expires: str = ""
    """The last day on which it may be there, as it is written on it; empty when it may stay."""
    parts: Mapping[str, Any] | None = field(default_factory=dict)
    """What other objects name inside of it, by name: a DestinationRule's subsets. None when there may be some, but
    nobody had to know them."""

    @property
    def owned(self) -> bool:
        return not self.foreign


class Layout(Protocol):
    """The pure half of a target: all that `plan` needs, without a connection."""

    @property
    def name(self) -> str:
        """What people call this target in messages, such as `Grafana`."""

    def wants(self, artifact: Artifact) -> bool:
        """Whether this target takes such artifacts at all."""

    def key(self, artifact: Artifact) -> Key:
        """What the artifact will be known by."""

    def difference(self, artifact: Artifact, remote: Remote) -> str:
        """Why what is there has to be updated, in a few words; empty when it need not."""

    def phase(self, key: Key) -> int:
        """Lower ones are created and updated before higher ones, and deleted after them.

        Nothing builds on what is in phase 0: a failure there does not keep the others from being written.
        """

    def parts(self, artifact: Artifact) -> Mapping[str, Any]:
        """What other objects may name inside of this one, by name."""

    def keeping(self, artifact: Artifact, parts: Mapping[str, Any]) -> Artifact:
        """The artifact with these parts besides its own; it does not pass for the artifact itself."""


class Independent:
    """The order of objects that know nothing of each other: there is none."""

    def phase(self, key: Key) -> int:  # noqa: ARG002 - every object is alike
        return 0

    def parts(self, artifact: Artifact) -> Mapping[str, Any]:  # noqa: ARG002
        return {}

    def keeping(self, artifact: Artifact, parts: Mapping[str, Any]) -> Artifact:  # noqa: ARG002
        return artifact


class Target(Layout, Protocol):
    """A place that a pack is published to. Everything here raises `ObserveError` and nothing else."""

    @property
    def workers(self) -> int:
        """How many requests at a time serve it well."""

    def list(self, artifacts: Sequence[Artifact]) -> Mapping[Key, Remote]:
        """What is there that is ours or stands in the way of `artifacts`.

        The number of requests does not grow with the number of artifacts; at most with what changed of them.
        """

    def owned(self) -> Mapping[Key, Remote]:
        """All that is there and ours; raises Forbidden where it may not be seen."""

    def begin(self, artifacts: Sequence[Artifact]) -> None:
        """Called once, before the first of `artifacts` is created or updated, or anything is deleted."""

    def create(self, artifact: Artifact) -> None:
        """Make an object that was not there; raises Conflict when a foreign one is there now."""

    def update(self, artifact: Artifact, remote: Remote) -> None:
        """Bring an object that is ours up to date."""

    def delete(self, remote: Remote) -> None:
        """Remove an object that is ours; one that is gone already is fine."""

    def finish(self, present: Sequence[Artifact], removed: Sequence[Key]) -> None:
        """Called once at the end, also after failures, with what is there as wanted and what was deleted."""

    def announce(self, text: str) -> None:
        """Tell those who look at this target what a publish changed, here or in other targets.

        An error is a warning: all is published by then.
        """

    def read(self, key: Key) -> str | None:
        """The live object as canonical text, without what the server keeps for itself; None without one."""

    def preview(self, artifact: Artifact, remote: Remote | None) -> str:
        """What `read` would give after publishing `artifact` over `remote`."""

    def close(self) -> None:
        """Give up connections."""
