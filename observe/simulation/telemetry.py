"""Telemetry as plain values: series with one value per scrape, in the notations that Prometheus' tools read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from observe.simulation.notation import run_lengths

if TYPE_CHECKING:
    from collections.abc import Iterator

Labels = tuple[tuple[str, str], ...]
"""Pairs of name and value, sorted by name."""
Values = tuple[float | None, ...]
"""One per scrape; None where the series was not exposed."""


@dataclass(frozen=True, slots=True)
class Series:
    """One time series."""

    name: str
    labels: Labels
    """Sorted, without `__name__`."""
    values: Values

    def __str__(self) -> str:
        """The series as PromQL and the exposition formats write it."""
        return f"{self.name}{{{','.join(f'{name}={_quoted(value)}' for name, value in self.labels)}}}"

    def label(self, name: str) -> str:
        """A label's value, empty where it has none: to Prometheus these are the same."""
        return next((value for key, value in self.labels if key == name), "")


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What Prometheus scraped, from the first scrape at time 0 on."""

    step: int
    """Seconds between two scrapes."""
    series: tuple[Series, ...]
    """No two have the same name and labels; all have as many values."""

    @property
    def scrapes(self) -> int:
        """How many scrapes there were."""
        return max((len(series.values) for series in self.series), default=0)

    def named(self, name: str, **labels: str) -> tuple[Series, ...]:
        """The series of a metric that have these labels."""
        wanted = set(labels.items())
        return tuple(series for series in self.series if series.name == name and wanted <= set(series.labels))

    def scrape(self, index: int) -> Iterator[tuple[Series, float]]:
        """What was exposed at one scrape: the series that were there, each with its value."""
        for series in self.series:
            value = series.values[index] if index < len(series.values) else None
            if value is not None:
                yield series, value

    def promtool(self) -> list[dict[str, str]]:
        """`input_series` of a rule unit test whose `interval` is the step.

        A series that vanishes ends with `stale`, as Prometheus marks it when a scrape does not bring it any more:
        rules see it gone at once, and not after five minutes.
        """
        return [{"series": str(series), "values": run_lengths(series.values)} for series in self.series]


def _quoted(value: str) -> str:
    escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'
