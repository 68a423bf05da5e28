"""Telling of a publish where people look for what changed: in the graphs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from observe import errors, naming
from observe.errors import ObserveError
from observe.publish.plan import Action
from observe.publish.report import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from observe.publish.report import Report
    from observe.publish.target import Key, Target

WORDS: Final = {
    Action.CREATE: "created",
    Action.UPDATE: "changed",
    Action.WIDEN: "changed",
    Action.DELETE: "deleted",
}
"""In the order in which they are told."""
DEAF: Final = (errors.Unauthorized, errors.Unreachable)
"""Whoever answered like that is not asked once more."""


def announce(targets: Sequence[Target], reports: Sequence[Report]) -> list[Report]:
    """Let each target tell what was changed in all of them, and give its report back: with a warning if it could not.

    Nothing is told of a publish that changed nothing.
    """
    told = ". ".join(f"{report.target}: {said}" for report in reports if (said := changes(report)))
    if not told:
        return [*reports]
    text = f"{naming.TOOL} published. {told}"
    return [_announced(target, report, text) for target, report in zip(targets, reports, strict=True)]


def changes(report: Report) -> str:
    """How many objects were created, changed and deleted; empty when none was. Two steps of one object count once."""
    done: dict[str, set[Key]] = {word: set() for word in WORDS.values()}
    for outcome in report.outcomes:
        if outcome.status is Status.DONE:
            done[WORDS[outcome.change.action]].add(outcome.change.key)
    return ", ".join(f"{len(keys)} {word}" for word, keys in done.items() if keys)


def _announced(target: Target, report: Report, text: str) -> Report:
    if any(isinstance(error, DEAF) for error in (report.error, *(outcome.error for outcome in report.outcomes))):
        return report
    try:
        target.announce(text)
    except ObserveError as error:
        return replace(report, warning=error)
    return report
