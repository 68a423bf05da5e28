"""promtool's notation of values: runs as `a+bxN`, gaps as `_xN`, ends as `stale`.

`a+bxN` stands for N + 1 values, `_xN` for N gaps (prometheus `promql/parser/parse.go`, `seriesItem`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STALE: Final = "stale"
EXACT: Final = 2**53
"""Up to here a float holds every whole number, so a slope that promtool adds up meets the values again."""


def number(value: float) -> str:
    """A value as Prometheus reads it back, whole numbers without a point."""
    if isinstance(value, int) or (value.is_integer() and abs(value) < EXACT):
        return str(int(value))
    return repr(value) if math.isfinite(value) else {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, "NaN")


def run_lengths(values: Sequence[float | None]) -> str:
    """The values in promtool's notation, as short as it gets with runs of constant slope."""
    return " ".join(_items(values))


def _items(values: Sequence[float | None]) -> Iterator[str]:
    place, end = 0, len(values)
    while place < end:
        value = values[place]
        if value is None:
            length = _gap(values, place)
            yield from _absent(length, seen=place > 0)
        else:
            slope, length = _run(values, place, value)
            yield _written(value, slope, length)
        place += length


def _gap(values: Sequence[float | None], place: int) -> int:
    end = place
    while end < len(values) and values[end] is None:
        end += 1
    return end - place


def _absent(length: int, *, seen: bool) -> Iterator[str]:
    if seen:
        yield STALE
        length -= 1
    if length:
        yield "_" if length == 1 else f"_x{length}"


def _run(values: Sequence[float | None], place: int, first: float) -> tuple[float, int]:
    """The slope from here on, and how many values follow it.

    Fractions run on only where they stay the same: what promtool adds up would differ in the last digit. Values with
    an exponent stand alone: their sign would read as a slope's.
    """
    if "e" in number(first):
        return 0, 1
    following = values[place + 1] if place + 1 < len(values) else None
    if following is None:
        return 0, 1
    slope = following - first
    if slope and not _whole(first, following):
        return 0, 1
    end = place + 2
    while end < len(values):
        value, before = values[end], values[end - 1]
        if value is None or before is None or value - before != slope:
            break
        end += 1
    length = end - place
    # Two values make no run worth writing unless they are equal: the second may begin a longer one.
    return (slope, length) if length > 2 or not slope else (0, 1)


def _whole(*values: float) -> bool:
    return all(float(value).is_integer() and abs(value) < EXACT for value in values)


def _written(value: float, slope: float, length: int) -> str:
    if length == 1:
        return number(value)
    if not slope:
        return f"{number(value)}x{length - 1}"
    return f"{number(value)}{'+' if slope > 0 else '-'}{number(abs(slope))}x{length - 1}"
