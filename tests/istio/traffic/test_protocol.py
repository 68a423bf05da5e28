"""What Istio takes a port's traffic for, after `ConvertProtocol` in its `pkg/config/kube/conversion.go`."""

from __future__ import annotations

import pytest

from observe.istio.traffic.protocol import seen
from observe.model import Port


@pytest.mark.parametrize(
    ("name", "number", "app_protocol", "expected"),
    [
        ("http", 80, None, "http"),
        ("http-api", 80, None, "http"),
        ("http2-api", 80, None, "http2"),
        ("grpc", 80, None, "grpc"),
        ("grpc-web", 80, None, "grpc"),
        ("grpc-web-api", 80, None, "grpc"),
        ("grpcx", 80, None, None),
        ("https-api", 443, None, "tls"),
        ("tls", 443, None, "tls"),
        ("tcp-db", 5432, None, "tcp"),
        ("mysql", 3307, None, "tcp"),
        ("redis-cache", 6379, None, "tcp"),
        ("mongo", 1, None, "tcp"),
        ("udp-dns", 53, None, "udp"),
        ("web", 80, None, None),
        ("api-http", 80, None, None),
        ("db", 3306, None, "tcp"),
        ("smtp", 25, None, "tcp"),
        # The appProtocol is believed before the name.
        ("tcp-api", 80, "http", "http"),
        ("http", 80, "kubernetes.io/h2c", "http2"),
        ("http", 80, "kubernetes.io/ws", "http"),
        ("http", 80, "kubernetes.io/wss", "tls"),
        ("http", 80, "example.com/own", None),
    ],
)
def test_protocol_is_told_by_app_protocol_name_or_number(
    name: str, number: int, app_protocol: str | None, expected: str | None
) -> None:
    assert seen(Port(name=name, number=number, app_protocol=app_protocol)) == expected
