"""Faults: an EnvoyFilter each, on the service's own pods, with an end."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from observe.istio.filters.fault import faults
from observe.model import Fault, FaultAbort, FaultDelay, Service
from observe.provenance import plain
from tests.samples import GRPC, HTTP, TCP, a_mesh, a_service, an_inventory

DAY = date(2026, 12, 31)
SLOW = Fault(name="slow", expires=DAY, delay=FaultDelay(duration=1_500, percent=11))
DOWN = Fault(name="down", expires=DAY, abort=FaultAbort(status=503, percent=12))


def made(*declared: Fault, **changes: Any) -> list[dict[str, Any]]:
    service = a_service(faults=declared, **changes)
    return [plain(one) for one in faults(an_inventory(service), service)]


def test_each_fault_is_an_object_of_its_own_with_its_last_day() -> None:
    first, second = made(SLOW, DOWN)
    assert first["metadata"]["name"] == "checkout-fault-slow"
    assert second["metadata"]["name"] == "checkout-fault-down"
    assert first["metadata"]["annotations"] == {"observe/expires": "2026-12-31"}
    assert first["spec"]["workloadSelector"] == {"labels": {"app": "checkout"}}


def test_faults_come_in_the_order_of_declaration_and_never_at_the_default_priority() -> None:
    assert [one["spec"]["priority"] for one in made(SLOW, DOWN)] == [20, 21]


def test_filter_stands_before_the_router_of_the_container_s_port_under_a_name_of_its_own() -> None:
    (patch,) = made(SLOW)[0]["spec"]["configPatches"]
    assert patch["applyTo"] == "HTTP_FILTER"
    assert patch["match"]["context"] == "SIDECAR_INBOUND"
    assert patch["match"]["listener"]["portNumber"] == 8080
    chain = patch["match"]["listener"]["filterChain"]["filter"]
    assert chain["subFilter"] == {"name": "envoy.filters.http.router"}
    assert patch["patch"]["operation"] == "INSERT_BEFORE"
    assert patch["patch"]["value"]["name"] == "envoy.filters.http.fault.slow"


@pytest.mark.parametrize(
    ("fault", "config"),
    [
        (SLOW, {"delay": {"fixed_delay": "1.500s", "percentage": {"numerator": 11, "denominator": "HUNDRED"}}}),
        (DOWN, {"abort": {"http_status": 503, "percentage": {"numerator": 12, "denominator": "HUNDRED"}}}),
        (
            Fault(name="grpc", expires=DAY, abort=FaultAbort(grpc_status=14, percent=13), headers={"x-chaos": "on"}),
            {
                "abort": {"grpc_status": 14, "percentage": {"numerator": 13, "denominator": "HUNDRED"}},
                "headers": [{"name": "x-chaos", "string_match": {"exact": "on"}}],
            },
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
def test_what_it_does(fault: Fault, config: dict[str, Any]) -> None:
    value = made(fault)[0]["spec"]["configPatches"][0]["patch"]["value"]["typed_config"]
    assert value.pop("@type") == "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"
    assert value == config


def test_every_port_with_requests_is_hit_and_no_other() -> None:
    patches = made(SLOW, ports=(HTTP, GRPC, TCP))[0]["spec"]["configPatches"]
    assert [patch["match"]["listener"]["portNumber"] for patch in patches] == [8080, 9000]


@pytest.mark.parametrize("changes", [{"in_mesh": False}, {"ports": (TCP,)}], ids=["no sidecar", "no requests"])
def test_nothing_where_it_would_have_no_effect(changes: dict[str, Any]) -> None:
    assert made(SLOW, **changes) == []


def test_nothing_in_an_ambient_mesh() -> None:
    service: Service = a_service(faults=(SLOW,))
    assert list(faults(an_inventory(service, mesh=a_mesh(data_plane="ambient", waypoints=True)), service)) == []
