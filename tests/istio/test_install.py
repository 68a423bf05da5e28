"""The overlay for the installer: what proxies must report, and do not unasked."""

from __future__ import annotations

import json
from typing import Any

from observe.istio.install import istio_operator
from observe.model import LatencyObjective, Objectives, Service
from observe.telemetry import BUCKETS
from tests.samples import TCP, a_mesh, a_service, an_inventory


def spec(*services: Service, **mesh: Any) -> dict[str, Any]:
    found: dict[str, Any] = istio_operator(an_inventory(*services, mesh=a_mesh(**mesh)))["spec"]
    return found


def buckets(found: dict[str, Any]) -> dict[str, list[float]]:
    annotations = found["values"]["sidecarInjectorWebhook"]["injectedAnnotations"]
    decoded: dict[str, list[float]] = json.loads(annotations["sidecar.istio.io/statsHistogramBuckets"])
    return decoded


def within(milliseconds: int) -> Objectives:
    return Objectives(latency=LatencyObjective(limit=milliseconds))


def test_breaker_statistics_are_let_out() -> None:
    (expression,) = spec(a_service())["meshConfig"]["defaultConfig"]["proxyStatsMatcher"]["inclusionRegexps"]
    assert "ejections_" in expression


def test_objectives_get_buckets_at_their_limits_beside_the_usual_ones() -> None:
    found = buckets(spec(a_service("a", objectives=within(750)), a_service("b", objectives=within(2_000))))
    assert found == {"istiocustom.istio_request_duration_milliseconds": sorted({*BUCKETS, 750, 2_000})}


def test_objectives_on_the_usual_limits_ask_for_nothing() -> None:
    assert "values" not in spec(a_service(objectives=within(1_000)))


def test_services_without_requests_ask_for_nothing() -> None:
    assert "values" not in spec(a_service(ports=(TCP,), objectives=within(750)))


def test_ambient_meshes_have_no_injected_pods_to_annotate() -> None:
    assert "values" not in spec(a_service(objectives=within(750)), data_plane="ambient")
