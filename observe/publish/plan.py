"""What publishing would change. Pure: the same artifacts over the same listing give the same plan."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

from observe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from observe.artifact import Artifact
    from observe.publish.target import Key, Layout, Remote


class Action(StrEnum):
    """What is to be done with one object."""

    CREATE = "create"
    UPDATE = "update"
    WIDEN = "widen"
    """Brought up to date but for what others still name inside of it; the update that takes that away follows."""
    DELETE = "delete"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    """Something that is not ours has that name: it is left alone."""
    STALE = "stale"
    """Ours and no longer in the pack, but pruning was not asked for."""


WRITES: Final = frozenset({Action.CREATE, Action.UPDATE, Action.WIDEN, Action.DELETE})
MOST_DELETED: Final = 10
"""Up to so many objects are deleted without asking; more of them only up to half of what is there."""

Step: TypeAlias = tuple[bool, int]
"""Whether something is taken away, and when. That comes after everything else, in the reverse order of the phases:
a VirtualService goes before the DestinationRule whose subsets it names."""


@dataclass(frozen=True, slots=True)
class Change:
    """One object and what is to be done with it."""

    action: Action
    key: Key
    artifact: Artifact | None
    """What is wanted; None when the pack no longer holds it."""
    remote: Remote | None
    """What is there; None when nothing is."""
    reason: str
    step: Step
    named: bool = False
    """Whether others name inside of it what it adds or takes away: proxies hear of it well before them, or after."""

    @property
    def writes(self) -> bool:
        return self.action in WRITES

    @property
    def takes_away(self) -> bool:
        return self.step[0]


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes for one target, in the order in which they are carried out."""

    target: str
    changes: tuple[Change, ...]

    @property
    def phases(self) -> Iterator[tuple[Change, ...]]:
        """Changes that write, in groups: each group waits for the one before it."""
        writing = (change for change in self.changes if change.writes)
        return (tuple(group) for _, group in itertools.groupby(writing, key=lambda change: change.step))

    @property
    def counts(self) -> Mapping[Action, int]:
        """How many changes of each action; 0 for those that do not occur."""
        return Counter(change.action for change in self.changes)

    @property
    def writes(self) -> bool:
        """Whether carrying it out would change anything."""
        return any(change.writes for change in self.changes)

    @property
    def deletions(self) -> Plan:
        """The part of it that deletes."""
        return replace(self, changes=tuple(change for change in self.changes if change.action is Action.DELETE))

    @property
    def live(self) -> int:
        """How many objects are there and ours."""
        return len({change.key for change in self.changes if change.remote is not None and change.remote.owned})

    @property
    def sweeping(self) -> bool:
        """Whether it deletes so much that the inventory is more likely the wrong one than so much smaller."""
        return MOST_DELETED < self.counts[Action.DELETE] > self.live / 2


def plan(layout: Layout, artifacts: Iterable[Artifact], remote: Mapping[Key, Remote], *, prune: bool = False) -> Plan:
    """Compare what the pack holds with what is there.

    Without `prune`, what is ours and no longer in the pack is reported as stale and stays.
    Raises UsageError when two artifacts would be the same object.
    """
    wanted = by_key(layout, artifacts)
    changes = (_wanted(layout, key, artifact, remote.get(key)) for key, artifact in wanted.items())
    left_over = (found for key, found in remote.items() if key not in wanted and found.owned)
    gone = (_left_over(layout, found, prune=prune) for found in left_over)
    return in_order(layout.name, itertools.chain(*changes, gone))


def in_order(target: str, changes: Iterable[Change]) -> Plan:
    """A plan of these changes."""
    return Plan(target, tuple(sorted(changes, key=lambda change: (change.step, change.key))))


def by_key(layout: Layout, artifacts: Iterable[Artifact]) -> dict[Key, Artifact]:
    """The artifacts that this target takes, by what it knows them by."""
    wanted: dict[Key, Artifact] = {}
    for artifact in filter(layout.wants, artifacts):
        other = wanted.setdefault(layout.key(artifact), artifact)
        if other is not artifact:
            raise UsageError(f"{other.path} and {artifact.path} are both {layout.key(artifact)}: keep one of them")
    return wanted


def _wanted(layout: Layout, key: Key, artifact: Artifact, found: Remote | None) -> Iterator[Change]:
    """What brings one object to what is wanted: one change, or two where others still name what goes."""
    action, reason = _verdict(layout, artifact, found)
    change = Change(action, key, artifact, found, reason, (False, layout.phase(key)))
    if not change.writes:
        yield change
        return
    wanted, live = layout.parts(artifact), (found and found.parts) or {}
    change = replace(change, named=not wanted.keys() <= live.keys())
    if lost := {name: part for name, part in live.items() if name not in wanted}:
        yield from _two_steps(change, layout.keeping(artifact, lost), ", ".join(lost))
    else:
        yield change


def _two_steps(change: Change, between: Artifact, lost: str) -> tuple[Change, Change]:
    """First with what is lost, so that what names it can change in the meantime, then without."""
    said = f"{change.reason}; {lost} stays until nothing names it"
    first = replace(change, action=Action.WIDEN, artifact=between, reason=said)
    step = (True, -change.step[1])
    return first, replace(change, reason=f"nothing names {lost} any more", step=step, named=True)


def _verdict(layout: Layout, artifact: Artifact, found: Remote | None) -> tuple[Action, str]:
    if found is None:
        return Action.CREATE, "is not there yet"
    if not found.owned:
        return Action.REFUSED, found.foreign
    if reason := layout.difference(artifact, found):
        return Action.UPDATE, reason
    return Action.UNCHANGED, ""


def _left_over(layout: Layout, found: Remote, *, prune: bool) -> Change:
    action, reason = Action.DELETE if prune else Action.STALE, "is no longer in the pack"
    named = found.parts is None or bool(found.parts)
    return Change(action, found.key, None, found, reason, (True, -layout.phase(found.key)), named)
