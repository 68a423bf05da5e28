"""Hosts outside the cluster: one ServiceEntry and one DestinationRule for a namespace and host."""

from __future__ import annotations

from typing import Any

import pytest

from observe.istio.traffic.external import external_manifests
from observe.model import ExternalHost, Service
from observe.provenance import leaves, plain
from tests.samples import a_service, an_inventory

API = "api.example.com"


def made(*services: Service, namespace: str = "shop") -> dict[tuple[str, str], dict[str, Any]]:
    """What a namespace gets, by kind and host."""
    found = list(external_manifests(an_inventory(*services), namespace))
    assert all(leaf.origin for one in found for leaf in leaves(one["spec"]))
    assert all(one["metadata"]["namespace"] == namespace for one in found)
    return {(one["kind"], one["metadata"]["name"]): plain(one["spec"]) for one in found}


def entry(*hosts: ExternalHost) -> dict[str, Any]:
    return made(a_service(external_hosts=hosts))["ServiceEntry", API]


def rule(*hosts: ExternalHost) -> dict[str, Any]:
    return made(a_service(external_hosts=hosts))["DestinationRule", API]


@pytest.mark.parametrize(
    ("protocol", "expected"), [("https", "HTTPS"), ("http", "HTTP"), ("tls", "TLS"), ("tcp", "TCP")]
)
def test_port_has_the_protocol_that_is_spoken(protocol: Any, expected: str) -> None:
    found = entry(ExternalHost(host=API, port=8443, protocol=protocol, addresses=("192.0.2.1",)))
    assert found["ports"] == [{"number": 8443, "name": f"{protocol}-8443", "protocol": expected}]


def test_host_is_known_to_its_namespace_only() -> None:
    assert entry(ExternalHost(host=API)) == {
        "hosts": [API],
        "ports": [{"number": 443, "name": "https-443", "protocol": "HTTPS"}],
        "location": "MESH_EXTERNAL",
        "resolution": "DNS",
        "exportTo": ["."],
    }
    assert rule(ExternalHost(host=API))["exportTo"] == ["."]


def test_ports_and_addresses_that_services_of_a_namespace_declare_are_one_host() -> None:
    first = a_service("a", external_hosts=(ExternalHost(host=API, port=8443, addresses=("192.0.2.9",)),))
    second = a_service(
        "b", external_hosts=(ExternalHost(host=API), ExternalHost(host=API, port=8443, addresses=("192.0.2.1",)))
    )
    elsewhere = a_service("c", namespace="web", external_hosts=(ExternalHost(host=API, port=9443),))
    found = made(first, second, elsewhere)["ServiceEntry", API]
    assert [port["number"] for port in found["ports"]] == [443, 8443]
    assert found["endpoints"] == [{"address": "192.0.2.1"}, {"address": "192.0.2.9"}]
    assert made(first, second, elsewhere, namespace="web")["ServiceEntry", API]["ports"][0]["number"] == 9443


def test_tcp_host_is_told_by_its_addresses() -> None:
    found = entry(ExternalHost(host=API, port=5432, protocol="tcp", addresses=("192.0.2.1", "192.0.2.2")))
    assert (found["addresses"], found["resolution"]) == (["192.0.2.1", "192.0.2.2"], "STATIC")


def test_tcp_host_without_addresses_takes_nobodys_connections_away() -> None:
    host = ExternalHost(host=API, port=5432, protocol="tcp")
    assert entry(host)["resolution"] == "NONE"
    assert "outlierDetection" not in rule(host)["trafficPolicy"]


def test_host_of_the_clusters_own_domain_stays_what_it_is() -> None:
    """A ServiceEntry would take the place of the Service."""
    hosts = (ExternalHost(host="kubernetes.default.svc.cluster.local"),)
    assert made(a_service(external_hosts=hosts)) == {}


def test_pool_and_ejection_follow_from_what_is_known_of_the_host() -> None:
    named, one, two = (
        rule(ExternalHost(host=API, addresses=addresses))["trafficPolicy"]
        for addresses in ((), ("192.0.2.1",), ("192.0.2.1", "192.0.2.2"))
    )
    assert named["connectionPool"] == {"tcp": {"maxConnections": 256, "connectTimeout": "5s"}}
    assert named["outlierDetection"]["maxEjectionPercent"] == 50
    assert "outlierDetection" not in one
    assert two["outlierDetection"]["maxEjectionPercent"] == 50


ORIGINATED = ExternalHost(host=API, port=80, protocol="http", originate_tls=True)


def test_plain_http_becomes_tls_on_its_way_out() -> None:
    assert entry(ORIGINATED)["ports"] == [{"number": 80, "name": "http-80", "protocol": "HTTP", "targetPort": 443}]
    (level,) = rule(ORIGINATED)["trafficPolicy"]["portLevelSettings"]
    assert level["port"] == {"number": 80}
    assert level["tls"] == {"mode": "SIMPLE", "sni": API, "subjectAltNames": [API], "caCertificates": "system"}


def test_tls_of_the_proxy_is_for_its_port_alone_and_repeats_the_limits() -> None:
    """On 443 the application speaks TLS itself; settings of a port replace the host's as a whole."""
    found = rule(ORIGINATED, ExternalHost(host=API))["trafficPolicy"]
    (level,) = found["portLevelSettings"]
    assert "tls" not in found
    assert {key: level[key] for key in ("connectionPool", "outlierDetection")} == {
        key: found[key] for key in ("connectionPool", "outlierDetection")
    }
    assert found["connectionPool"]["http"] == {"http1MaxPendingRequests": 128, "http2MaxRequests": 256}


def test_of_two_declarations_of_a_port_the_first_counts() -> None:
    found = made(
        a_service("a", external_hosts=(ORIGINATED,)), a_service("b", external_hosts=(ExternalHost(host=API, port=80),))
    )
    assert found["ServiceEntry", API]["ports"][0]["protocol"] == "HTTP"
