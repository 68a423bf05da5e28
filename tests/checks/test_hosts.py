"""OBS111 and OBS115: hosts outside the cluster that cannot be told apart, or are declared in two ways."""

from __future__ import annotations

from typing import Any

import pytest

from observe.checks import contradictory_hosts, tcp_without_addresses
from observe.model import ExternalHost, Outside, Service
from tests.checks.finds import found
from tests.samples import HTTP, TCP, a_mesh, a_service

DB = ExternalHost(host="db.example.com", port=5432, protocol="tcp")
KNOWN = ExternalHost(host="db.example.com", port=5432, protocol="tcp", addresses=("192.0.2.1",))


def test_tcp_host_without_addresses() -> None:
    assert found(tcp_without_addresses, a_service(external_hosts=(DB,))) == [
        (
            "warning OBS111: service shop/checkout calls db.example.com without its addresses, and a tcp connection "
            "says no host's name: every connection to port 5432 counts as one to it, is let out where only known hosts "
            "are, and none of its instances is ever ejected; give its addresses"
        )
    ]


def test_tcp_service_outside_without_addresses() -> None:
    other = Outside(host="db.example.com")
    (finding,) = found(tcp_without_addresses, a_service(in_mesh=False, ports=(HTTP, TCP), outside=other))
    assert "shop/checkout runs outside the cluster as db.example.com without addresses" in finding


@pytest.mark.parametrize(
    ("services", "mesh"),
    [
        ((a_service(external_hosts=(KNOWN,)),), {}),
        # Another service of the namespace says where it is: they are one ServiceEntry.
        ((a_service("a", external_hosts=(KNOWN,)), a_service("b", external_hosts=(DB,))), {}),
        ((a_service(external_hosts=(ExternalHost(host="db.example.com"),)),), {}),
        ((a_service(external_hosts=(DB,)),), {"data_plane": "ambient"}),
        ((a_service(in_mesh=False, outside=Outside(host="db.example.com")),), {}),
        ((a_service(external_hosts=(ExternalHost(host="db.a.svc.cluster.local", protocol="tcp"),)),), {}),
    ],
)
def test_hosts_that_can_be_told_apart(services: tuple[Service, ...], mesh: dict[str, Any]) -> None:
    assert found(tcp_without_addresses, *services, mesh=a_mesh(**mesh)) == []


def test_two_protocols_on_a_port_of_a_host() -> None:
    plain = ExternalHost(host="api.example.com", port=80, protocol="http")
    first = a_service("a", external_hosts=(plain,))
    second = a_service(
        "b", external_hosts=(ExternalHost(host="api.example.com", port=80, protocol="http", originate_tls=True),)
    )
    assert found(contradictory_hosts, first, second) == [
        (
            "error OBS115: service shop/b calls api.example.com:80 by http with originate_tls, but shop/a by http: "
            "in a namespace there is one declaration for both; "
            "declare the same protocol in both, or let one of them use another port"
        )
    ]


def test_two_services_at_one_host() -> None:
    outside = Outside(host="vm.example.com")
    first, second = (a_service(name, in_mesh=False, outside=outside) for name in "ab")
    assert found(contradictory_hosts, first, second) == [
        (
            "error OBS115: service shop/b runs at vm.example.com, as shop/a does: a host has one set of routes; "
            "make one service with the ports of both, or give each its own name in DNS"
        )
    ]


def test_external_host_that_is_a_service_of_the_inventory() -> None:
    ledger = a_service("ledger", namespace="vm", in_mesh=False, outside=Outside(host="ledger.example.com"))
    (finding,) = found(
        contradictory_hosts, ledger, a_service(external_hosts=(ExternalHost(host="ledger.example.com"),))
    )
    assert finding.startswith("error OBS115: service shop/checkout calls ledger.example.com as an external host")
    assert finding.endswith("; call the service vm/ledger instead")


def test_service_outside_at_a_host_of_the_cluster() -> None:
    outside = Outside(host="mail.post.svc.cluster.local")
    (finding,) = found(contradictory_hosts, a_service(in_mesh=False, outside=outside))
    assert "which is a host of the cluster" in finding


def test_same_host_by_other_ports_or_in_other_namespaces() -> None:
    first = a_service("a", external_hosts=(ExternalHost(host="api.example.com"),))
    second = a_service("b", external_hosts=(ExternalHost(host="api.example.com", port=80, protocol="http"),))
    other = a_service("c", namespace="web", external_hosts=(ExternalHost(host="api.example.com", protocol="tls"),))
    assert found(contradictory_hosts, first, second, other) == []
