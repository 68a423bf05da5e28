"""Samples written by hand are what a real Prometheus then has."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from observe import errors
from observe.clients import remote_write
from observe.clients.prometheus import Instant, PrometheusClient, Range
from observe.clients.prometheus_access import PrometheusAccess
from observe.clients.remote_write import RemoteWriter, Written, requests_of
from observe.drills.throwaway import throwaway_prometheus
from tests.servers.fixtures import require
from tests.servers.processes import free_port
from tests.servers.prometheus_server import binary

if TYPE_CHECKING:
    from collections.abc import Iterator

START = 1_750_000_000
TIMES = tuple((START + 30 * place) * 1000 for place in range(5))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Shared: each test writes metrics of its own names."""
    require("prometheus")
    with throwaway_prometheus(binary("prometheus")) as address:
        yield address


@pytest.fixture
def client(url: str) -> Iterator[PrometheusClient]:
    with PrometheusClient(PrometheusAccess(url)) as opened:
        yield opened


def named(name: str, *values: float | None, times: tuple[int, ...] = TIMES, **labels: str) -> Written:
    return Written((("__name__", name), *labels.items()), times, values)


def points(client: PrometheusClient, query: str) -> dict[float, float]:
    """What a range query finds at the times that were written, by seconds after the start."""
    (series,) = client.ask(Range(query, START, START + 120, 30)).series
    return {time - START: value for time, value in series.points}


def test_values_come_back_as_they_were(url: str, client: PrometheusClient) -> None:
    values = (0.1, -2.5e300, 1 / 3, float("inf"), 9_007_199_254_740_991)
    with RemoteWriter(url) as writer:
        assert writer.write([named("exact", *values)]) == 5
    assert tuple(points(client, "exact").values()) == values


def test_no_number_is_a_sample_too(url: str, client: PrometheusClient) -> None:
    """NaN, as a division of zero by zero gives it, is not the NaN that ends a series."""
    with RemoteWriter(url) as writer:
        writer.write([named("undefined", 1, math.nan, 3, 4, 5)])
    assert math.isnan(points(client, "undefined")[30])


def test_a_series_ends_where_a_value_is_missing_and_may_begin_again(url: str, client: PrometheusClient) -> None:
    with RemoteWriter(url) as writer:
        assert writer.write([named("gaps", None, 11, None, None, 13)]) == 3
    assert points(client, "gaps") == {30: 11, 120: 13}


def test_labels_may_hold_anything_and_come_in_any_order(url: str, client: PrometheusClient) -> None:
    """Prometheus wants them sorted; lengths above 127 bytes take two bytes to write."""
    labels = {"zone": 'Zürich "7"\n\\', "app": "a" * 300}
    with RemoteWriter(url) as writer:
        writer.write([Written((*labels.items(), ("__name__", "labelled")), TIMES[:1], (7,))])
    (series,) = client.ask(Instant("labelled", START)).series
    assert dict(series.labels) == {**labels, "__name__": "labelled"}


def test_equal_values_of_different_series_are_told_apart(url: str, client: PrometheusClient) -> None:
    """What is encoded once for many series holds neither their labels nor another one's times."""
    values, later = (1.0, 2.0), tuple(time + 30_000 for time in TIMES[:2])
    with RemoteWriter(url) as writer:
        writer.write(
            [
                Written((("__name__", "shared"), ("pod", pod)), times, values)
                for pod, times in (("a", TIMES[:2]), ("b", TIMES[:2]), ("c", later))
            ]
        )
    assert points(client, 'shared{pod="a"}')[0] == points(client, 'shared{pod="b"}')[0] == 1
    assert points(client, 'shared{pod="c"}')[30] == 1


def test_much_is_sent_in_parts(url: str, client: PrometheusClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_write, "LARGEST", 1_000)
    series = [named("many", place, pod=f"pod-{place:03}", times=TIMES[:1]) for place in range(300)]
    assert [count for _, count in requests_of(series)] == [20] * 15
    with RemoteWriter(url) as writer:
        assert writer.write(series) == 300
    (total,) = client.ask(Instant("sum(many)", START)).series
    assert total.points == ((START, sum(range(300))),)


def test_nothing_is_no_request() -> None:
    assert list(requests_of([])) == []
    assert list(requests_of([named("empty", None, None, times=TIMES[:2])])) == []


def test_values_and_times_must_be_as_many() -> None:
    with pytest.raises(ValueError, match=r"zip\(\) argument 2 is shorter"):
        list(requests_of([named("short", 1, 2)]))


def test_samples_that_prometheus_does_not_take_are_an_error_with_its_reason(url: str) -> None:
    with RemoteWriter(url) as writer:
        writer.write([named("twice", 1, 2, times=TIMES[:2])])
        with pytest.raises(errors.Rejected, match=r"refuses samples: 400 .*(out of order|duplicate sample)"):
            writer.write([named("twice", 3, times=TIMES[:1])])


def test_nobody_there_is_an_error_with_the_address() -> None:
    port = free_port()
    with (
        RemoteWriter(f"http://127.0.0.1:{port}") as writer,
        pytest.raises(errors.Unreachable, match=rf"127\.0\.0\.1:{port}"),
    ):
        writer.write([named("lost", 1, times=TIMES[:1])])
