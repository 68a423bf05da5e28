"""All signals of a mesh: which there are, from what they are made, and how mesh and services change them."""

from __future__ import annotations

import re

import pytest

from observe.model import LatencyObjective, Mesh, Mtls, Objectives, Outside, Prometheus
from observe.signals import Catalogue, Signal, catalogue, service_labels
from observe.signals.catalogue import windows
from tests.samples import a_mesh, a_service, an_inventory

SIGNALS = catalogue(an_inventory(a_service()))


def named(record: str) -> Signal:
    (found,) = (signal for signal in SIGNALS.recorded if signal.record == record)
    return found


def scraped(interval: int) -> Mesh:
    return a_mesh(prometheus=Prometheus(scrape_interval=interval))


@pytest.mark.parametrize(
    ("scrape_interval", "slow", "fast"),
    [
        (15_000, 300_000, 120_000),
        (30_000, 300_000, 120_000),
        (60_000, 300_000, 240_000),
        (90_000, 360_000, 360_000),
    ],
)
def test_windows_hold_four_samples_at_least(scrape_interval: int, slow: int, fast: int) -> None:
    assert windows(scraped(scrape_interval)) == (slow, fast)


def test_windows_are_part_of_the_names_of_records() -> None:
    signals = catalogue(an_inventory(a_service(), mesh=scraped(60_000)))
    assert signals.errors.record == "service:istio_requests_failed:ratio_rate5m"
    assert signals.fast_errors.record == "service:istio_requests_failed:ratio_rate4m"
    assert "[4m]" in str(signals.fast.answers.measure)


@pytest.mark.parametrize("interval", [1_000, 15_000, 37_500, 75_000, 90_000])
def test_no_record_is_made_twice_however_wide_the_windows_are(interval: int) -> None:
    """Where both windows are the same, the fast signals are the slow ones."""
    signals = catalogue(an_inventory(a_service(), mesh=scraped(interval)))
    for names in ([signal.record for signal in signals.recorded], [signal.id for signal in signals.recorded]):
        assert len(set(names)) == len(names)


def test_quantiles_are_those_of_the_panels_and_of_the_objectives() -> None:
    service = a_service(objectives=Objectives(latency=LatencyObjective(quantile=0.999)))
    signals = catalogue(an_inventory(service))
    assert [share for share, _ in signals.quantiles] == [0.5, 0.95, 0.99, 0.999]
    found = signals.latency(0.999)
    assert found.title == "P99.9 latency"
    assert found.record == "service:istio_request_duration_milliseconds:p99_9_rate5m"
    assert str(found.measure).startswith("histogram_quantile(0.999, ")


def test_every_record_of_a_family_follows_those_it_reads() -> None:
    """Rules of a group run in order. What services' own rules record comes from the evaluation before."""
    for family in SIGNALS.families:
        names = [signal.record for signal in family.signals]
        for place, signal in enumerate(family.signals):
            read = set(re.findall(r"\b\w+:\w+:\w+", str(signal.measure)))
            assert not read & set(names[place:]), signal.id


@pytest.mark.parametrize(
    ("raw", "readers"),
    [
        (
            "istio_requests_total",
            ["edge-answers-5m", "answers-2m", "endpoint-answers-5m", "arrivals-5m",
             "blocked-5m", "passed-through-5m", "gateway-unrouted-5m"],
        ),
        ("istio_request_duration_milliseconds_bucket", ["duration-buckets-5m"]),
        (
            "istio_tcp_connections_opened_total",
            ["edge-connections-2m", "connections-failed-2m", "arrivals-5m", "blocked-5m", "passed-through-5m"],
        ),
        ("istio_tcp_sent_bytes_total", ["tcp-bytes-sent-2m"]),
        ("envoy_cluster_outlier_detection_ejections_active", ["ejections", "ejecting-callers"]),
    ],
)  # fmt: skip
def test_raw_series_are_read_by_few_records(raw: str, readers: list[str]) -> None:
    """They are many; everything else is made from what is left after the first sum."""
    found = [signal.id for signal in SIGNALS.recorded if re.search(rf"(?<!:)\b{raw}\{{", str(signal.measure))]
    assert found == readers


def test_service_is_selected_by_namespace_and_name() -> None:
    service = a_service("cart", namespace="web")
    assert service_labels(service) == {"destination_service_namespace": "web", "destination_service_name": "cart"}
    selected = 'service:istio_requests:rate5m{destination_service_namespace="web", destination_service_name="cart"}'
    assert str(SIGNALS.rate.of(service)) == selected


def test_service_outside_the_cluster_is_measured_by_its_host() -> None:
    """The name of what a ServiceEntry makes is its host (istio `serviceentry/conversion.go`)."""
    service = a_service("ledger", namespace="vm", in_mesh=False, outside=Outside(host="ledger.example.com"))
    assert service_labels(service) == {
        "destination_service_namespace": "vm",
        "destination_service_name": "ledger.example.com",
    }


def test_signals_say_what_they_are() -> None:
    for signal in SIGNALS.recorded:
        assert re.fullmatch(r"[a-z0-9_-]+", signal.id)
        assert signal.title
        assert signal.description.endswith(".")


def test_strict_service_is_judged_by_all_callers_and_another_by_those_inside() -> None:
    strict, lenient = a_service(), a_service(mtls=Mtls(mode="PERMISSIVE", reason="webhooks"))
    assert SIGNALS.mtls(strict) == named("service:istio_mtls:ratio_rate5m")
    assert SIGNALS.mtls(lenient) == named("service:istio_mtls_inside:ratio_rate5m")
    assert SIGNALS.mtls_traffic(strict) == named("service:istio_received:rate5m")
    assert SIGNALS.mtls_traffic(lenient) == named("service:istio_received_inside:rate5m")
    assert SIGNALS.mtls_plaintext(strict) == named("service:istio_plaintext:rate5m")
    assert SIGNALS.mtls_plaintext(lenient) == named("service:istio_plaintext_inside:rate5m")


AMBIENT = catalogue(an_inventory(a_service(), mesh=a_mesh(data_plane="ambient")))


@pytest.mark.parametrize(
    ("signals", "requests", "connections", "sent", "arrivals"),
    [
        pytest.param(
            SIGNALS, ["source", "destination"], ["source", "destination"], ["source", "destination"], ["destination"],
            id="sidecars count as callers, and for callers who have none as callees",
        ),
        pytest.param(
            AMBIENT, ["waypoint", "source"], ["source"], ["destination|waypoint"], ["destination|waypoint"],
            id="waypoints count as both sides, and gateways for themselves; ztunnels as the side that is asked for",
        ),
    ],
)  # fmt: skip
def test_who_reports(
    signals: Catalogue, requests: list[str], connections: list[str], sent: list[str], arrivals: list[str]
) -> None:
    def reporters(signal: Signal) -> list[str]:
        return list(dict.fromkeys(re.findall(r'reporter=~?"([\w|]+)"', str(signal.measure))))

    tcp = signals.connections
    assert reporters(signals.edges.answers) == reporters(signals.fast.answers) == requests
    assert reporters(signals.buckets) == requests
    assert reporters(tcp.by_caller) == reporters(tcp.failed) == connections
    assert reporters(tcp.sent) == reporters(tcp.received) == sent
    assert reporters(signals.arrivals) == arrivals


def test_clusters_are_told_by_the_meshs_own_domain() -> None:
    signals = catalogue(an_inventory(a_service(), mesh=a_mesh(cluster_domain="k8s.example.com")))
    assert r"\\.svc\\.k8s\\.example\\.com" in str(signals.ejections.measure)
    assert "cluster" + r"\\." + "local" not in str(signals.ejections.measure)


@pytest.mark.parametrize(("version", "counters"), [("1.29", 2), ("1.30", 3)])
def test_overflow_reads_the_counters_of_the_meshs_version(version: str, counters: int) -> None:
    signals = catalogue(an_inventory(a_service(), mesh=a_mesh(istio_version=version)))
    assert len(set(re.findall(r"envoy_cluster_upstream_\w+(?=\{)", str(signals.overflow.measure)))) == counters
