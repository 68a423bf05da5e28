"""The statistics of a proxy, as Prometheus scrapes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SAMPLE = re.compile(r"^(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
ESCAPED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Stats:
    """All series of one scrape."""

    series: tuple[Series, ...]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(series.name for series in self.series)

    def select(self, name: str, **labels: str) -> tuple[Series, ...]:
        """The series of this name that have these labels, and perhaps more."""
        return tuple(
            series for series in self.series if series.name == name and labels.items() <= series.labels.items()
        )

    def value(self, name: str, **labels: str) -> float:
        """The value of the one series that fits; raises LookupError for none and for several."""
        found = self.select(name, **labels)
        if len(found) != 1:
            raise LookupError(f"{len(found)} series {name} with {labels}; {len(self.series)} series in all")
        return found[0].value


def parse(text: str) -> Stats:
    """The series in Prometheus' text format.

    The parser of prometheus_client appends `_total` to the names of counters, which Envoy's have not.
    """
    return Stats(tuple(_series(sample) for sample in SAMPLE.finditer(text)))


def _series(sample: re.Match[str]) -> Series:
    labels = {name: re.sub(r"\\.", unescaped, value) for name, value in LABEL.findall(sample["labels"] or "")}
    return Series(sample["name"], labels, float(sample["value"]))


def unescaped(character: re.Match[str]) -> str:
    return ESCAPED[character[0]]
