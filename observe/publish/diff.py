"""How the changes of a plan look: a unified diff of each object, from live to what would be published."""

from __future__ import annotations

import difflib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from observe.publish.plan import Action

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.publish.plan import Change, Plan
    from observe.publish.target import Target


@dataclass(frozen=True, slots=True)
class Difference:
    """One change and its unified diff; the text is empty when only something outside the content changes."""

    change: Change
    text: str


def diff(plan: Plan, target: Target, *, workers: int | None = None) -> Iterator[Difference]:
    """The differences of all objects that would be written, in the order of the plan: from what is there to the end
    of the publish, whatever lies in between.

    Here the number of requests does grow with the number of changes: the live text of each is read.
    Raises the target's errors.
    """
    changes = [change for change in plan.changes if change.writes and change.action is not Action.WIDEN]
    with ThreadPoolExecutor(workers or target.workers, thread_name_prefix="diff") as pool:
        yield from pool.map(lambda change: _difference(change, target), changes)


def _difference(change: Change, target: Target) -> Difference:
    live = None if change.remote is None else target.read(change.key)
    wanted = None if change.artifact is None else target.preview(change.artifact, change.remote)
    return Difference(change, unified(str(change.key), live, wanted))


def unified(name: str, live: str | None, wanted: str | None) -> str:
    """The unified diff of two texts; None is an object that is not there, shown as git shows it."""
    before, after = (() if text is None else text.splitlines(keepends=True) for text in (live, wanted))
    old = "/dev/null" if live is None else f"live/{name}"
    new = "/dev/null" if wanted is None else f"pack/{name}"
    return "".join(difflib.unified_diff(before, after, old, new))
