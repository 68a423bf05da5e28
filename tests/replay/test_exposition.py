"""The exposition, read back by prometheus_client's own parser; a real Prometheus reads it in test_alive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from observe.replay import Mesh
from observe.replay.exposition import exposition
from observe.replay.recording import recording
from tests.replay.samples import Clock, series, shown, telemetry

if TYPE_CHECKING:
    from observe.model import Inventory


def test_every_series_has_its_name_labels_and_value(shop: Inventory) -> None:
    mesh = Mesh(shop, clock=Clock(), now=Clock())
    found = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(exposition(mesh.samples).decode())
        for sample in family.samples
    }
    assert found == {(line.name, tuple(sorted(line.labels.items()))): value for line, value in mesh.samples()}


def test_kinds_are_those_of_the_field_and_names_are_left_alone() -> None:
    made = recording(
        telemetry(
            series("up", 1),
            series("istio_requests_total", 11),
            series("envoy_cluster_upstream_rq_retry", 12),
            series("istio_request_duration_milliseconds_bucket", 13, le="+Inf"),
            series("istio_request_duration_milliseconds_count", 14),
            series("citadel_server_csr_count", 15),
        )
    )
    text = exposition(lambda: [(line, line.gauge(0)) for line in made.lines.values()]).decode()
    assert [line for line in text.splitlines() if not line.startswith("# HELP")] == [
        "# TYPE up gauge",
        "up 1.0",
        "# TYPE istio_requests_total counter",
        "istio_requests_total 11.0",
        "# TYPE envoy_cluster_upstream_rq_retry untyped",
        "envoy_cluster_upstream_rq_retry 12.0",
        "# TYPE istio_request_duration_milliseconds histogram",
        'istio_request_duration_milliseconds_bucket{le="+Inf"} 13.0',
        "istio_request_duration_milliseconds_count 14.0",
        "# TYPE citadel_server_csr_count untyped",
        "citadel_server_csr_count 15.0",
    ]


def test_label_values_survive_whatever_is_in_them() -> None:
    odd = 'a "quoted" \\ and\na second line'
    made = recording(telemetry(series("up", 1, pod=odd)))
    text = exposition(lambda: [(line, 1.0) for line in made.lines.values()]).decode()
    (family,) = text_string_to_metric_families(text)
    assert [sample.labels for sample in family.samples] == [{"pod": odd}]
    assert shown([(line, 1.0) for line in made.lines.values()])
