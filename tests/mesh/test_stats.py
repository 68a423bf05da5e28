"""Prometheus' text as Envoy writes it."""

from __future__ import annotations

import math

import pytest

from tests.mesh.stats import parse

TEXT = r"""# TYPE envoy_server_live gauge
envoy_server_live{} 1
# TYPE envoy_cluster_upstream_rq counter
envoy_cluster_upstream_rq{response_code="503",cluster_name="outbound|80||web.shop.svc.cluster.local"} 11
envoy_cluster_upstream_rq{response_code="200",cluster_name="outbound|80||web.shop.svc.cluster.local"} 12
envoy_odd{text="a \"quoted\", line\\nof } two\n"} 1.3e+06
envoy_bucket{le="+Inf"} +Inf
"""


def test_names_labels_and_values_are_read_as_they_are() -> None:
    stats = parse(TEXT)
    assert [(series.name, dict(series.labels), series.value) for series in stats.series] == [
        ("envoy_server_live", {}, 1),
        (
            "envoy_cluster_upstream_rq",
            {"response_code": "503", "cluster_name": "outbound|80||web.shop.svc.cluster.local"},
            11,
        ),
        (
            "envoy_cluster_upstream_rq",
            {"response_code": "200", "cluster_name": "outbound|80||web.shop.svc.cluster.local"},
            12,
        ),
        ("envoy_odd", {"text": 'a "quoted", line\\nof } two\n'}, 1_300_000),
        ("envoy_bucket", {"le": "+Inf"}, math.inf),
    ]


def test_a_value_is_of_one_series() -> None:
    stats = parse(TEXT)
    assert stats.value("envoy_cluster_upstream_rq", response_code="503") == 11
    for name in ("envoy_cluster_upstream_rq", "envoy_unknown"):
        with pytest.raises(LookupError, match=f"series {name}"):
            stats.value(name)
