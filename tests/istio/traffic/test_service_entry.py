"""ServiceEntry of services outside the cluster."""

from __future__ import annotations

from typing import Any

import pytest

from observe.istio.traffic.service_entry import service_entry
from observe.model import Outside, Port
from observe.provenance import leaves, plain
from tests.samples import GRPC, HTTP, TCP, a_service, an_inventory


def spec(*addresses: str, ports: tuple[Port, ...] = (HTTP,)) -> dict[str, Any]:
    outside = Outside(host="ledger.example.com", addresses=addresses)
    service = a_service(in_mesh=False, outside=outside, ports=ports)
    made = service_entry(an_inventory(service), service)
    assert made is not None
    assert all(leaf.origin for leaf in leaves(made["spec"]))
    assert made["metadata"]["name"] == "checkout"
    found: dict[str, Any] = plain(made["spec"])
    return found


def test_host_is_looked_up_and_known_everywhere() -> None:
    assert spec() == {
        "hosts": ["ledger.example.com"],
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 8080}],
        "location": "MESH_EXTERNAL",
        "resolution": "DNS",
    }


def test_ports_have_their_protocol() -> None:
    assert [port["protocol"] for port in spec("192.0.2.1", ports=(HTTP, GRPC, TCP))["ports"]] == ["HTTP", "GRPC", "TCP"]


def test_declared_addresses_are_its_endpoints() -> None:
    found = spec("192.0.2.1", "2001:db8::1")
    assert found["resolution"] == "STATIC"
    assert found["endpoints"] == [{"address": "192.0.2.1"}, {"address": "2001:db8::1"}]
    assert "addresses" not in found


@pytest.mark.parametrize(
    ("addresses", "resolution"), [(("192.0.2.1",), "STATIC"), ((), "NONE")], ids=["with addresses", "without"]
)
def test_tcp_is_told_by_its_addresses_and_goes_where_it_was_going_without(
    addresses: tuple[str, ...], resolution: str
) -> None:
    """Resolved by name it would get the connections of every other host on its port (istio listens on 0.0.0.0)."""
    found = spec(*addresses, ports=(TCP,))
    assert found["resolution"] == resolution
    assert found.get("addresses", []) == list(addresses)


def test_service_of_the_cluster_has_none() -> None:
    service = a_service(in_mesh=False)
    assert service_entry(an_inventory(service), service) is None
