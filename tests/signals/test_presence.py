"""Who is missed: pods that were read and do not answer, as a real Prometheus remembers them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from observe import telemetry
from observe.alerting import rule_groups
from observe.clients.prometheus import Range
from observe.drills.laboratory import laboratory
from observe.graph import Graph
from observe.promql import over_time
from observe.signals import catalogue
from observe.signals.presence import READ_LATELY
from observe.simulation import Series, Telemetry
from tests.samples import a_service, an_inventory
from tests.servers.fixtures import require
from tests.servers.prometheus_server import binary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.drills.laboratory import Laboratory

INVENTORY = an_inventory(a_service())
SIGNALS = catalogue(INVENTORY)
STEP = 30
MINUTES = 125
READ = {"steady": (0, MINUTES + 1), "lost": (0, 60), "young": (31, 37), "brief": (31, 34), "gone": (0, 60)}
"""From which minute until before which one a pod's proxy is read. Then its scrapes fail; of one that is gone there are
none any more.
"""


def seen() -> Telemetry:
    def series(name: str, pod: str, values: list[float | None], **labels: str) -> Series:
        own = {"namespace": "shop", "pod": pod, **labels}
        return Series(name, tuple(sorted(own.items())), tuple(values))

    scrapes = [scrape * STEP / 60 for scrape in range(MINUTES * 60 // STEP + 1)]
    found = []
    for pod, (begin, end) in READ.items():
        here = [begin <= minute < end for minute in scrapes]
        failing: list[float | None] = [None if pod == "gone" or minute < begin else 0 for minute in scrapes]
        up = [1.0 if there else down for there, down in zip(here, failing, strict=True)]
        found.append(series(telemetry.UP, pod, up))
        found.append(series(telemetry.BUILD, pod, [1.0 if there else None for there in here], component="proxy"))
    return Telemetry(STEP, tuple(found))


@pytest.fixture(scope="module")
def lab() -> Iterator[Laboratory]:
    require("prometheus")
    groups = rule_groups(Graph(INVENTORY), SIGNALS)
    with laboratory(seen(), groups, alerts=False, program=binary("prometheus")) as found:
        yield found


def missed(lab: Laboratory, expression: str) -> dict[str, list[float]]:
    """The minutes at which each pod is in the result."""
    answer = lab.client.ask(Range(expression, lab.start, lab.end, STEP))
    return {series.label("pod"): [(at - lab.start) / 60 for at, _ in series.points] for series in answer.series}


def test_who_was_read_and_fails_is_missed_for_about_an_hour(lab: Laboratory) -> None:
    """From the first failure on, though the record of who reports is marked stale by then."""
    found = missed(lab, SIGNALS.presence.unreachable.record)
    assert set(found) == {"lost", "young"}
    for pod, minutes in found.items():
        begin = READ[pod][1]
        assert minutes[0] == begin
        assert begin + 55 <= minutes[-1] + STEP / 60 <= begin + 60
        assert len(minutes) == (minutes[-1] - begin) * 60 / STEP + 1


def test_looking_every_five_minutes_misses_only_who_was_read_for_less(lab: Laboratory) -> None:
    """Against every sample of the hour: the same, but for the last five minutes of memory and for `brief`."""
    unreachable = SIGNALS.presence.unreachable
    lately = str(over_time("last", SIGNALS.presence.proxies.where(), READ_LATELY))
    assert lately in str(unreachable.measure)
    found, every = missed(lab, str(unreachable.measure)), missed(lab, str(unreachable.measure).replace(":5m]", "]"))
    assert set(every) - set(found) == {"brief"}
    for pod, minutes in found.items():
        assert minutes == every[pod][: len(minutes)]
        assert every[pod][-1] - minutes[-1] <= 5


def test_it_reads_a_fraction_of_the_samples(lab: Laboratory) -> None:
    """By Prometheus' own count of what it looks at, for the pod that was there all the time."""

    def samples(expression: str) -> int:
        form = {"query": expression, "time": str(lab.end), "stats": "all"}
        answer = requests.post(f"{lab.url}/api/v1/query", data=form, timeout=60).json()
        counted: int = answer["data"]["stats"]["samples"]["totalQueryableSamples"]
        return counted

    record = SIGNALS.presence.proxies.record
    lately = f'last_over_time({record}{{pod="steady"}}[{READ_LATELY}])'
    assert samples(lately) * 10 == samples(lately.replace(":5m]", "]"))
