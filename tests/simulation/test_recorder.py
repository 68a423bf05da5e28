"""A stream of requests, and what each side reports of it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from observe.model import Mtls, Outside
from observe.simulation import Answer, Caller, Pod, Recorder, Restart, failure, flow, success, turned_away
from observe.simulation.reports import IN_PLAINTEXT, OUTSIDE, WEB, Kind, pods_of, ztunnels
from tests.samples import GRPC, TCP, a_mesh, a_service
from tests.simulation.reading import increase, increases

CHECKOUT = a_service("checkout", namespace="shop")
TEN = flow((10, 120), step=15)
"""Two requests per second for ten minutes."""
REQUESTS = "istio_requests_total"
BUCKET = "istio_request_duration_milliseconds_bucket"


def a_recorder(**changes: object) -> Recorder:
    return Recorder(a_mesh(), **changes)  # type: ignore[arg-type]


def test_both_sides_report_a_request_between_sidecars() -> None:
    """Once each, and only the callee knows whether it was encrypted."""
    seen = a_recorder().requests(CHECKOUT, TEN).telemetry()
    assert increases(seen, REQUESTS, "reporter", "connection_security_policy") == {
        ("source", "unknown"): 1200,
        ("destination", "mutual_tls"): 1200,
    }
    assert increases(seen, REQUESTS, "reporter", "pod", "namespace") == {
        ("source", WEB.pods[0].name, "front"): 600,
        ("source", WEB.pods[1].name, "front"): 600,
        ("destination", pods_of("shop", "checkout")[0].name, "shop"): 600,
        ("destination", pods_of("shop", "checkout")[1].name, "shop"): 600,
    }


def test_who_has_no_proxy_is_known_to_nobody() -> None:
    """The callee alone reports, without names; plaintext says `none`."""
    seen = a_recorder().requests(CHECKOUT, TEN, caller=OUTSIDE).telemetry()
    labels = ("reporter", "source_workload", "source_principal", "connection_security_policy")
    assert increases(seen, REQUESTS, *labels) == {("destination", "unknown", "unknown", "none"): 1200}


def test_a_caller_in_plaintext_keeps_its_name_and_loses_its_identity() -> None:
    seen = a_recorder().requests(CHECKOUT, TEN, caller=IN_PLAINTEXT).telemetry()
    labels = ("reporter", "source_workload", "source_principal", "connection_security_policy")
    assert increases(seen, REQUESTS, *labels) == {
        ("source", "legacy", "unknown", "unknown"): 1200,
        ("destination", "legacy", "unknown", "none"): 1200,
    }


def test_encryption_that_is_turned_off_is_seen() -> None:
    service = replace(CHECKOUT, mtls=Mtls(mode="DISABLE", reason="old"))
    seen = a_recorder().requests(service, TEN).telemetry()
    assert increases(seen, REQUESTS, "connection_security_policy", reporter="destination") == {("none",): 1200}


def test_what_reached_no_instance_is_the_callers_alone_and_has_no_workload() -> None:
    """The service's own names survive, which is what everything is aggregated by."""
    seen = a_recorder().requests(CHECKOUT, TEN, turned_away(CHECKOUT, "UH")).telemetry()
    labels = ("reporter", "response_code", "response_flags", "destination_service_name", "destination_workload")
    assert increases(seen, REQUESTS, *labels) == {("source", "503", "UH", "checkout", "unknown"): 1200}
    (series, *_) = seen.named(REQUESTS)
    assert series.label("destination_principal") == "unknown"
    assert series.label("destination_service") == "checkout.shop.svc.cluster.local"


def test_failed_grpc_calls_have_code_200() -> None:
    service = replace(CHECKOUT, ports=(GRPC,))
    seen = a_recorder().requests(service, TEN, failure(service)).telemetry()
    labels = ("request_protocol", "response_code", "grpc_response_status")
    assert increases(seen, REQUESTS, *labels, reporter="destination") == {("grpc", "200", "14"): 1200}
    assert success(service) == Answer("200", "0")


def test_what_was_not_completed_has_no_duration() -> None:
    seen = a_recorder().requests(CHECKOUT, TEN, Answer("0", flags="DC")).telemetry()
    assert seen.named(REQUESTS, response_code="0")
    assert not seen.named(BUCKET)


def test_durations_fall_into_their_buckets() -> None:
    """Of ten requests nine take 20 ms and one 800: the limits below count none, then nine, then all."""
    seen = a_recorder().requests(CHECKOUT, TEN, milliseconds=((9, 20), (1, 800))).telemetry()
    counted = increases(seen, BUCKET, "le", reporter="source")
    assert [counted[le,] for le in ("10.0", "25.0", "500.0", "1000.0", "+Inf")] == [0, 1080, 1080, 1200, 1200]
    assert increases(seen, BUCKET.replace("bucket", "count"), reporter="source")[()] == 1200
    assert increases(seen, BUCKET.replace("bucket", "sum"), reporter="source")[()] == 1200 * (0.9 * 20 + 0.1 * 800)


def test_the_endpoint_is_known_to_the_callee_alone() -> None:
    """And stands on requests, not on durations."""
    seen = a_recorder().requests(CHECKOUT, TEN, endpoint="GET /orders/{id}").telemetry()
    assert increases(seen, REQUESTS, "reporter", "request_endpoint") == {
        ("source", ""): 1200,
        ("destination", "GET /orders/{id}"): 1200,
    }
    assert {series.label("request_endpoint") for series in seen.named(BUCKET)} == {""}


def test_streams_that_look_alike_are_one_series() -> None:
    """Two kinds of requests that differ in nothing but their duration: counted together, timed apart."""
    seen = a_recorder().requests(CHECKOUT, TEN).requests(CHECKOUT, TEN, milliseconds=3_000).telemetry()
    assert increases(seen, REQUESTS, reporter="source")[()] == 2400
    counted = increases(seen, BUCKET, "le", reporter="source")
    assert (counted["25.0",], counted["+Inf",]) == (1200, 2400)
    assert len(seen.named(REQUESTS)) == 4


def test_a_service_outside_the_cluster_is_called_by_its_host() -> None:
    """And only the caller reports it."""
    service = replace(CHECKOUT, in_mesh=False, outside=Outside(host="pay.example.com"))
    seen = a_recorder().requests(service, TEN).telemetry()
    assert increases(seen, REQUESTS, "reporter", "destination_service_name", "destination_workload") == {
        ("source", "pay.example.com", "unknown"): 1200
    }


class TestAmbient:
    """The waypoint reports requests for both sides, ztunnels report connections, gateways go around waypoints."""

    MESH = a_mesh(data_plane="ambient", waypoints=True)

    def test_the_waypoint_reports_requests(self) -> None:
        seen = Recorder(self.MESH).requests(CHECKOUT, TEN).telemetry()
        assert increases(seen, REQUESTS, "reporter", "namespace", "connection_security_policy") == {
            ("waypoint", "shop", "mutual_tls"): 1200
        }

    def test_without_a_waypoint_there_are_no_requests(self) -> None:
        seen = Recorder(replace(self.MESH, waypoints=False)).requests(CHECKOUT, TEN).telemetry()
        assert not seen.series

    def test_a_gateway_reports_for_itself(self) -> None:
        gateway = Caller("istio-ingressgateway", "istio-ingress", gateway=True)
        seen = Recorder(self.MESH).requests(CHECKOUT, TEN, caller=gateway).telemetry()
        assert increases(seen, REQUESTS, "reporter", "pod") == {
            ("source", gateway.pods[0].name): 600,
            ("source", gateway.pods[1].name): 600,
        }

    def test_ztunnel_has_no_word_for_plaintext(self) -> None:
        service = replace(CHECKOUT, ports=(TCP,))
        here, there = ztunnels(self.MESH)
        seen = Recorder(self.MESH).connections(service, TEN).connections(service, TEN, IN_PLAINTEXT).telemetry()
        labels = ("reporter", "source_workload", "connection_security_policy", "pod")
        assert increases(seen, "istio_tcp_connections_opened_total", *labels) == {
            ("source", "web", "mutual_tls", here.name): 1200,
            ("destination", "web", "mutual_tls", there.name): 1200,
            ("source", "legacy", "unknown", here.name): 1200,
            ("destination", "legacy", "unknown", there.name): 1200,
        }

    @pytest.mark.parametrize(("version", "failed"), [("1.28", 0), ("1.29", 1200)])
    def test_ztunnel_flags_connections_when_they_close(self, version: str, failed: int) -> None:
        """Opened ones carry no flag, and failures are counted apart since Istio 1.29."""
        recorder = Recorder(replace(self.MESH, istio_version=version))
        recorder.connections(replace(CHECKOUT, ports=(TCP,)), TEN, flags="CONNECT", arrived=False)
        seen = recorder.telemetry()
        assert {one.label("response_flags") for one in seen.named("istio_tcp_connections_opened_total")} == {"-"}
        assert {one.label("response_flags") for one in seen.named("istio_tcp_connections_closed_total")} == {"CONNECT"}
        counted = [one.values[-1] for one in seen.named("istio_tcp_connections_failed_total")]
        assert sum(filter(None, counted)) == failed


def test_connections_are_reported_by_both_sides_with_their_bytes() -> None:
    service = replace(CHECKOUT, ports=(TCP,))
    seen = a_recorder().connections(service, TEN, sent=300, received=20).telemetry()
    for name, count in (("connections_opened", 1200), ("connections_closed", 1200), ("sent_bytes", 360_000)):
        assert increases(seen, f"istio_tcp_{name}_total", "reporter") == {("source",): count, ("destination",): count}
    assert increases(seen, "istio_tcp_received_bytes_total", "reporter")["source",] == 24_000


class TestLives:
    """Counters begin, begin anew, vanish and come back."""

    POD = Pod("front", "web-0")

    def counted(self, recorder: Recorder) -> dict[str, tuple[float | None, ...]]:
        recorder.counter("hits", {}, self.POD, (2, 2, 2, 2))
        return {one.label("pod"): one.values for one in recorder.telemetry().named("hits")}

    def test_proxies_have_been_up_for_a_while(self) -> None:
        assert self.counted(a_recorder(history=100)) == {"web-0": (100, 102, 104, 106, 108)}

    def test_an_answer_never_seen_before_has_no_series_before(self) -> None:
        recorder = a_recorder(history=None).counter("hits", {"code": "500"}, self.POD, (0, 0, 3, 0))
        (series,) = recorder.telemetry().series
        assert series.values == (None, None, None, 3, 3)

    def test_a_restart_begins_at_zero(self) -> None:
        recorder = a_recorder(history=100, restarts={self.POD: Restart(0.5)})
        assert self.counted(recorder) == {"web-0": (100, 102, 104, 2, 4)}

    def test_a_new_pod_takes_over(self) -> None:
        recorder = a_recorder(history=100, restarts={self.POD: Restart(0.5, Pod("front", "web-7"))})
        assert self.counted(recorder) == {
            "web-0": (100, 102, 104, None, None),
            "web-7": (None, None, None, 2, 4),
        }

    def test_failed_scrapes_leave_a_gap_and_up_at_zero(self) -> None:
        """The proxy counts on meanwhile."""
        recorder = a_recorder(history=100).up(self.POD).unscraped([self.POD], 0.25, 0.75)
        assert self.counted(recorder) == {"web-0": (100, None, None, 106, 108)}
        assert [one.values for one in recorder.telemetry().named("up")] == [(1, 0, 0, 1, 1)]

    def test_pods_that_are_gone_are_no_targets_and_come_back_at_zero(self) -> None:
        recorder = a_recorder(history=100).up(self.POD).gone([self.POD], 0.25, 0.75)
        assert self.counted(recorder) == {"web-0": (100, None, None, 0, 2)}
        assert [one.values for one in recorder.telemetry().named("up")] == [(1, None, None, 1, 1)]

    def test_a_blind_prometheus_has_nothing_at_all(self) -> None:
        recorder = a_recorder(history=100).up(self.POD).blind(0.25, 0.75)
        assert self.counted(recorder) == {"web-0": (100, None, None, 106, 108)}
        assert [one.values for one in recorder.telemetry().named("up")] == [(1, None, None, 1, 1)]

    def test_pods_of_one_name_in_two_namespaces_are_two(self) -> None:
        recorder = a_recorder().unscraped([self.POD], 0, 1)
        recorder.counter("hits", {}, self.POD, (1, 1)).counter("hits", {}, Pod("back", "web-0"), (1, 1))
        assert [one.label("namespace") for one in recorder.telemetry().series] == ["back"]


def test_ejections_are_a_gauge_of_one_calling_pod() -> None:
    recorder = a_recorder().requests(CHECKOUT, flow((1, 60), step=15))
    recorder.ejected(WEB.pods[0], "outbound|80||checkout.shop.svc.cluster.local", (0.5, 0), (0.25, 2))
    (series,) = recorder.telemetry().named("envoy_cluster_outlier_detection_ejections_active")
    assert (series.label("pod"), series.values) == (WEB.pods[0].name, (0, 0, 2, 2, 2))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Deployment", "web-[a-z0-9]{10}-[a-z0-9]{5}"),
        ("StatefulSet", "web-1"),
        ("DaemonSet", "web-[a-z0-9]{5}"),
    ],
)
def test_pods_are_named_as_kubernetes_does(kind: Kind, name: str) -> None:
    """Rules tell a service's pods by their names, so these must look as they do in a cluster."""
    assert re.fullmatch(name, pods_of("front", "web", kind=kind)[1].name)


def test_a_prometheus_of_several_clusters_says_which() -> None:
    """Where the inventory names the label, everything carries it."""
    mesh = a_mesh()
    mesh = replace(mesh, prometheus=replace(mesh.prometheus, cluster_label="cluster"))
    seen = Recorder(mesh).requests(CHECKOUT, TEN).up(*WEB.pods).telemetry()
    assert {one.label("cluster") for one in seen.series} == {"Kubernetes"}


def test_series_are_sorted_and_none_is_twice() -> None:
    seen = a_recorder().requests(CHECKOUT, TEN).requests(CHECKOUT, TEN, failure(CHECKOUT)).telemetry()
    names = [(one.name, one.labels) for one in seen.series]
    assert names == sorted(set(names))
    assert all(one.labels == tuple(sorted(one.labels)) for one in seen.series)
    assert {len(one.values) for one in seen.series} == {41}
    assert increase(seen.series[0].values) >= 0
