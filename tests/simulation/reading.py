"""What tests read out of simulated telemetry: increases by labels, and promtool's notation."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from observe.simulation import Series, Telemetry, Values

ITEM = re.compile(r"(?P<first>-?[0-9.e+]+?)(?:(?P<slope>[+-][0-9.e]+))?x(?P<times>\d+)")


def increase(values: Values) -> float:
    """What a counter counted: restarts and gaps hide nothing, and one that was not there yet stood at zero."""
    total, before = 0.0, values[0] or 0
    for value in values[1:]:
        if value is not None:
            total += value - before if value >= before else value
            before = value
    return total


def increases(telemetry: Telemetry, name: str, *by: str, **labels: str) -> Counter[tuple[str, ...]]:
    """Increases of a metric, summed by labels."""
    found: Counter[tuple[str, ...]] = Counter()
    for series in telemetry.named(name, **labels):
        found[tuple(series.label(label) for label in by)] += increase(series.values)  # type: ignore[assignment]
    return found


def read(notation: str) -> list[float | None]:
    """Values from promtool's notation, as promtool expands it: `axN` is N + 1 values, `_xN` is N gaps."""
    return [value for item in notation.split() for value in _values(item)]


def _values(item: str) -> Iterator[float | None]:
    if item in ("_", "stale"):
        yield None
    elif item.startswith("_x"):
        yield from [None] * int(item[2:])
    elif found := ITEM.fullmatch(item):
        value = float(found["first"])
        for _ in range(int(found["times"]) + 1):
            yield value
            value += float(found["slope"] or 0)
    else:
        yield float(item)


def by_name(series: Iterable[Series]) -> dict[str, Values]:
    """The values of series by what PromQL calls them."""
    return {str(one): one.values for one in series}
