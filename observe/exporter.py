"""The program's own metrics: what the last publish did, as a file for the node exporter's textfile collector.

A publish that runs from a schedule is watched like anything else: by an alert on these.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from observe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from observe.publish.report import Report


def write_metrics(path: str, pack: str, reports: Sequence[Report], now: float) -> None:
    """Write the file, whole or not at all; `now` is seconds since 1970.

    Raises UsageError when it cannot be written. The textfile collector reads `*.prom` files only.
    """
    try:
        write_to_textfile(path, registry(pack, reports, now))
    except OSError as error:
        raise UsageError(f"the metrics file {path} cannot be written: {error.strerror}") from error


def registry(pack: str, reports: Sequence[Report], now: float) -> CollectorRegistry:
    """The metrics of one publish."""
    made = CollectorRegistry()
    objects = Gauge(
        "observe_publish_objects",
        "Objects of the last publish by what became of them.",
        ("pack", "target", "status"),
        registry=made,
    )
    code = Gauge(
        "observe_publish_exit_code",
        "Exit code of the last publish: 0 good, 3 refused or unreachable, 4 partly published.",
        ("pack", "target"),
        registry=made,
    )
    finished = Gauge(
        "observe_publish_finished_timestamp_seconds",
        "When the last publish ended.",
        ("pack", "target"),
        registry=made,
    )
    for report in reports:
        target = report.target.lower()
        for status, count in Counter(outcome.status.value for outcome in report.outcomes).items():
            objects.labels(pack, target, status).set(count)
        code.labels(pack, target).set(report.exit_code)
        finished.labels(pack, target).set(now)
    return made
