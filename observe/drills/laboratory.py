"""A Prometheus that has seen an incident: the samples of a simulation, and all that rules make of them.

Everything is written into it with the times at which it would have happened; nobody waits for them to pass.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe.clients.prometheus import PrometheusClient
from observe.clients.prometheus_access import PrometheusAccess
from observe.clients.remote_write import RemoteWriter, Written
from observe.drills.history import Historian
from observe.drills.throwaway import PROGRAM, throwaway_prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from observe.alerting import Group
    from observe.drills.history import Remark
    from observe.simulation import Telemetry

EPOCH: Final = 1_767_225_600
"""2026-01-01 00:00 UTC: when simulations begin that need no other time. It is in the past: Prometheus takes no samples
of the future (`storage/remote/write_handler.go`, `maxAheadTime`)."""


@dataclass(frozen=True, slots=True)
class Laboratory:
    """A running Prometheus, with what it holds; times are in seconds since 1970."""

    client: PrometheusClient
    url: str
    start: int
    """The first scrape."""
    end: int
    """The last scrape: what is "now" to whoever looks at it."""
    samples: int
    """Raw samples, stale markers included."""
    remarks: tuple[Remark, ...]
    """What Prometheus said of the rules beside their results; none, if all is well."""


@contextmanager
def laboratory(
    telemetry: Telemetry,
    groups: Sequence[Group],
    *,
    start: int = EPOCH,
    alerts: bool = True,
    program: str | Path = PROGRAM,
    features: Sequence[str] = (),
) -> Iterator[Laboratory]:
    """Run a Prometheus that holds the telemetry, the first scrape at `start`, and what the rules made of it.

    Telemetry whose values are times must have been simulated with `start` as its epoch. Without `alerts` only records
    are worked out, which is most of the time saved. Raises UsageError when there is no program, TargetError when
    it does not start or take the samples, and QueryFailed for a rule that it cannot evaluate.
    """
    with ExitStack() as stack:
        url = stack.enter_context(throwaway_prometheus(program, features=features))
        client = stack.enter_context(PrometheusClient(PrometheusAccess(url)))
        writer = stack.enter_context(RemoteWriter(url))
        samples = writer.write(scraped(telemetry, start))
        end = start + (telemetry.scrapes - 1) * telemetry.step
        remarks = Historian(client, writer, start, end).tell(groups, alerts=alerts)
        yield Laboratory(client, url, start, end, samples, remarks)


def scraped(telemetry: Telemetry, start: int) -> Iterator[Written]:
    """The telemetry as samples, the first scrape at `start`."""
    times = tuple((start + index * telemetry.step) * 1000 for index in range(telemetry.scrapes))
    for series in telemetry.series:
        yield Written((("__name__", series.name), *series.labels), times, series.values)
