"""OBS112 and OBS113: Istio goes by the port's name."""

from __future__ import annotations

from typing import Any

import pytest

from observe.checks import guessed_protocol, wrong_protocol
from observe.model import Outside, Port
from tests.checks.finds import found
from tests.samples import a_service


def test_port_that_istio_takes_for_tcp() -> None:
    assert found(wrong_protocol, a_service(ports=(Port(name="tcp-api", number=80),))) == [
        (
            "error OBS112: service shop/checkout declares port 80 (tcp-api) as http, but by its name Istio takes it "
            "for tcp: no route, retry or metric of requests applies, and a rule about methods or paths admits nobody; "
            "name the port http-api in the Service and here, or set its appProtocol to http in both"
        )
    ]


@pytest.mark.parametrize(
    ("port", "says"),
    [
        (
            {"name": "http-db", "protocol": "tcp"},
            "takes it for http: what is no HTTP is refused there; name the port tcp-db",
        ),
        ({"name": "http", "protocol": "grpc"}, "takes it for http: proxies do not speak grpc to it"),
        (
            {"name": "grpc"},
            "takes it for grpc: proxies do not speak http to it; name the port http in",
        ),
        ({"name": "https"}, "takes it for tls: no route"),
        ({"name": "udp-x", "protocol": "tcp"}, "takes it for udp: it has no part in the mesh then"),
        ({"name": "http", "app_protocol": "tcp"}, "but by its appProtocol tcp Istio takes it for tcp"),
    ],
)
def test_other_protocols_that_istio_would_see(port: dict[str, Any], says: str) -> None:
    (finding,) = found(wrong_protocol, a_service(ports=(Port(**{"number": 80, **port}),)))
    assert says in finding


GOOD = (
    Port(name="http", number=80),
    Port(name="http2-api", number=81),
    Port(name="grpc-users", number=82, protocol="grpc"),
    Port(name="http2-users", number=83, protocol="grpc"),
    Port(name="tls-db", number=84, protocol="tcp"),
    Port(name="db", number=3306, protocol="tcp"),
    Port(name="web", number=85, app_protocol="http"),
)


def test_names_that_say_what_is_declared() -> None:
    assert found(wrong_protocol, a_service(ports=GOOD)) == []
    assert found(guessed_protocol, a_service(ports=GOOD)) == []


def test_port_that_istio_guesses() -> None:
    ports = (Port(name="web", number=80), Port(name="db", number=5432, protocol="tcp"))
    web, database = found(guessed_protocol, a_service(ports=ports))
    assert web == (
        "warning OBS113: service shop/checkout has the port 80 (web), which names no protocol: Istio guesses it anew "
        "for each connection, and what it takes for plain tcp has no routes and no metrics; "
        "call it http-web in the Service and here, or set its appProtocol to http in both"
    )
    assert "for ever where the server speaks first; call it tcp-db in" in database
    assert found(wrong_protocol, a_service(ports=ports)) == []


def test_outside_the_cluster_istio_goes_by_what_is_declared() -> None:
    ports = (Port(name="web", number=80), Port(name="tcp-api", number=81))
    service = a_service(in_mesh=False, outside=Outside(host="vm.example.com"), ports=ports)
    assert found(wrong_protocol, service) == found(guessed_protocol, service) == []
