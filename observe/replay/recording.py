"""Simulated telemetry made ready to be read at any moment, also between two of its scrapes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final

from observe import telemetry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from observe.simulation import Labels, Series, Telemetry, Values

GAUGES: Final = frozenset(
    {
        telemetry.ACTIVE_CONNECTIONS,
        telemetry.ACTIVE_REQUESTS,
        telemetry.BUILD,
        telemetry.CERTIFICATE_EXPIRY,
        telemetry.CHAIN_EXPIRY,
        telemetry.EJECTIONS_ACTIVE,
        telemetry.PROXY_MEMORY,
        telemetry.ROOT_EXPIRY,
        telemetry.UP,
        telemetry.XDS_CONNECTIONS,
        *telemetry.CONFLICTS,
        "envoy_cluster_circuit_breakers_default_cx_open",
        "envoy_cluster_circuit_breakers_default_rq_open",
        "envoy_cluster_circuit_breakers_default_rq_pending_open",
        "envoy_server_live",
        "envoy_server_memory_allocated",
        "pilot_services",
    }
)
"""Everything else counts: names do not tell, since Envoy's and istiod's counters have no `_total`."""
TARGET: Final = frozenset({"instance", "job", "namespace", "pod"})
"""The labels that say what was scraped."""

Key = tuple[str, "Labels"]


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a recording."""

    name: str
    labels: Mapping[str, str]
    target: Labels
    """Those of the labels that say what was scraped."""
    values: Values
    first: int
    """The first scrape at which it was exposed."""
    counts: tuple[float, ...]
    """What it has counted since the first scrape, never falling: a pod that comes back counts on. Empty for a gauge."""
    whole: bool
    """Whether it counts in whole numbers."""

    def exposed(self, scrape: int) -> bool:
        return self.values[scrape] is not None

    def gauge(self, scrape: int) -> float:
        """A gauge's value, for a scrape at which it was exposed."""
        return self.values[scrape] or 0.0


@dataclass(frozen=True)
class Recording:
    """The telemetry of a stretch of time."""

    step: int
    """Seconds between two scrapes."""
    scrapes: int
    lines: Mapping[Key, Line]

    @property
    def seconds(self) -> int:
        return self.step * (self.scrapes - 1)

    @cached_property
    def targets(self) -> Mapping[Labels, Line]:
        """The series `up` of all targets."""
        return {line.target: line for line in self.lines.values() if line.name == telemetry.UP}

    def answers(self, target: Labels, scrape: int) -> bool:
        """Whether a target answers a scrape; one that has no `up` always does."""
        up = self.targets.get(target)
        return up is None or up.values[scrape] == 1


def recording(simulated: Telemetry) -> Recording:
    """Simulated telemetry as a recording."""
    lines = {(series.name, series.labels): _line(series) for series in simulated.series}
    return Recording(simulated.step, simulated.scrapes, lines)


def _line(series: Series) -> Line:
    target = tuple((name, value) for name, value in series.labels if name in TARGET)
    counts = () if series.name in GAUGES else _counts(series.values)
    first = next(scrape for scrape, value in enumerate(series.values) if value is not None)
    whole = all(isinstance(value, int) for value in series.values if value is not None)
    return Line(series.name, dict(series.labels), target, series.values, first, counts, whole)


@lru_cache(maxsize=4_096)
def _counts(values: Values) -> tuple[float, ...]:
    """The same tuple for all series of equal values: most buckets of a histogram are.

    What a series stands at when it is first exposed, later than at the first scrape, it has counted since that.
    """
    total, last = 0.0, values[0] or 0.0
    found = []
    for value in values:
        if value is not None:
            total += value - last if value >= last else value
            last = value
        found.append(total)
    return tuple(found)
