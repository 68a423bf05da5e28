"""A mesh's telemetry for prometheus_client: every series under exactly the name that Prometheus shall know it by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from observe.replay.recording import GAUGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from observe.replay.recording import Line

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""The classic text format, as Envoy writes it: OpenMetrics wants `_total` of every counter, and Envoy's have none."""
PARTS: Final = ("_bucket", "_count", "_sum")

Exposed = list[tuple["Line", float]]


class MeshCollector(Collector):
    """What is exposed at the moment of a scrape."""

    def __init__(self, samples: Callable[[], Exposed]) -> None:
        self._samples = samples

    def collect(self) -> Iterator[Metric]:
        exposed = self._samples()
        histograms = {line.name.removesuffix("_bucket") for line, _ in exposed if line.name.endswith("_bucket")}
        metrics: dict[str, Metric] = {}
        for line, value in exposed:
            family, kind = _family(line.name, histograms)
            if family not in metrics:
                metrics[family] = Metric(family, "Simulated.", kind)
            metrics[family].samples.append(Sample(line.name, dict(line.labels), value))
        yield from metrics.values()


def exposition(samples: Callable[[], Exposed]) -> bytes:
    """A scrape's answer, in the format of CONTENT_TYPE."""
    registry = CollectorRegistry()
    registry.register(MeshCollector(samples))
    return generate_latest(registry)


def _family(name: str, histograms: Iterable[str]) -> tuple[str, str]:
    """A metric's name without what its kind puts behind it, and the kind."""
    if name in GAUGES:
        return name, "gauge"
    for part in PARTS:
        if name.endswith(part) and name.removesuffix(part) in histograms:
            return name.removesuffix(part), "histogram"
    if name.endswith("_total"):
        return name.removesuffix("_total"), "counter"
    return name, "unknown"
