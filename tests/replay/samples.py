"""Telemetry made by hand, and a clock that a test turns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from observe.simulation import Series, Telemetry

if TYPE_CHECKING:
    from observe.replay.recording import Line
    from observe.simulation import Values

STEP = 10
"""Seconds between the scrapes of telemetry that is made by hand."""


@dataclass
class Clock:
    """Shows what it is set to."""

    seconds: float = 0

    def __call__(self) -> float:
        return self.seconds


def series(name: str, *values: float | None, **labels: str) -> Series:
    return Series(name, tuple(sorted(labels.items())), values)


def telemetry(*all_series: Series) -> Telemetry:
    return Telemetry(STEP, all_series)


def shown(samples: list[tuple[Line, float]]) -> dict[str, float]:
    """Values by name and labels."""
    return {str(Series(line.name, tuple(sorted(line.labels.items())), ())): value for line, value in samples}


def falls(values: Values) -> bool:
    """Whether a value is ever less than the one before it, where both were exposed."""
    return any(a is not None and b is not None and b < a for a, b in pairwise(values))
