"""From conditions that hold to alerts that are pending and firing, and the instants that are worth asserting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

State = Literal["pending", "firing"]
States = tuple[tuple[str, State], ...]
"""The alerts that are active, sorted by name."""


def states(held: Sequence[bool], hold: int, interval: int, keep: int = 0) -> tuple[State | None, ...]:
    """What an alert is at each evaluation, by whether its condition held; the three times are milliseconds.

    An alert that fires goes on while less than `keep` has passed since the first evaluation without its condition
    (prometheus `rules/alerting.go`).
    """
    found: list[State | None] = []
    since: int | None = None
    ended: int | None = None
    for place, holds in enumerate(held):
        ended = None if holds else (place if ended is None else ended)
        fired = bool(found) and found[-1] == "firing"
        kept = fired and ended is not None and (place - ended) * interval < keep
        since = (place if since is None else since) if holds or kept else None
        found.append(None if since is None else "firing" if kept or (place - since) * interval >= hold else "pending")
    return tuple(found)


def timeline(by_alert: Mapping[str, Sequence[State | None]], evaluations: int) -> tuple[States, ...]:
    """The same, of all alerts together."""
    return tuple(
        tuple((name, state) for name in sorted(by_alert) if (state := by_alert[name][place]))
        for place in range(evaluations)
    )


def telling(agreed: Sequence[States | None], known: int) -> tuple[int, ...]:
    """The evaluations to assert: those around each change, as near to it as all views of it agree.

    From `known` on, where the same happens once more, only the first and the last two changes' sides are told.
    """
    changes = sorted(set(_around_changes(agreed)))
    repeated = [place for place in changes if place >= known]
    return tuple(place for place in changes if place < known) + tuple(sorted({*repeated[:1], *repeated[-3:]}))


def _around_changes(agreed: Sequence[States | None]) -> Iterator[int]:
    before: int | None = None
    for place, found in enumerate(agreed):
        if found is None:
            continue
        if before is not None and agreed[before] != found:
            yield before
            yield place
        before = place
    if before is not None:
        yield before
