"""Faults and rate limits on a real proxy: istiod puts them where they belong, and Envoy does what they say.

The verdict is by counts and answers. A share of 100 per cent leaves nothing to chance, and a bucket that takes an hour
to fill again leaves nothing to the clock.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from grpc import StatusCode

from observe.graph import Graph
from observe.model import Call, Endpoint, ExternalCaller, Fault, FaultAbort, FaultDelay, Mtls, Port, RateLimit, Service
from observe.pack import manifests
from observe.provenance import plain
from tests.mesh import workload
from tests.mesh.mesh import Mesh
from tests.mesh.workload import HTTP, Workload
from tests.samples import a_service, an_inventory

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

HOUR = 3_600_000
BURST = 3
FAULTS = (
    Fault(name="down", expires=date(2099, 12, 31), abort=FaultAbort(status=418, percent=100), headers={"x-a": "down"}),
    Fault(name="gone", expires=date(2099, 12, 31), abort=FaultAbort(status=410, percent=100), headers={"x-b": "gone"}),
    Fault(
        name="slow",
        expires=date(2099, 12, 31),
        delay=FaultDelay(duration=HOUR, percent=100),
        headers={"x-a": "slow", "x-b": "slow"},
    ),
)
ON_HTTP = (Port(name="http", number=HTTP, target_port=8080),)
ON_GRPC = (Port(name="grpc", number=9000, protocol="grpc"),)
LIMIT = RateLimit(requests=1, per=HOUR, burst=BURST)
PERMISSIVE = Mtls(mode="PERMISSIVE", reason="a webhook without a certificate")
WEBHOOK = ExternalCaller(name="Webhook", via="direct")
METHOD = Endpoint(grpc="shop.v1.Limited/Get", idempotent=True)


def services() -> tuple[Service, ...]:
    callees = ("faulty", "limited", "limited-grpc", "permissive", "open")
    return (
        a_service(
            "caller",
            ports=ON_HTTP,
            calls=tuple(Call(service=f"shop/{name}", timeout=2_000) for name in callees),
            replicas=1,
        ),
        a_service("faulty", ports=ON_HTTP, faults=FAULTS, replicas=1),
        a_service("limited", ports=ON_HTTP, rate_limit=LIMIT, replicas=1),
        a_service("limited-grpc", ports=ON_GRPC, rate_limit=LIMIT, endpoints=(METHOD,), replicas=1),
        a_service(
            "permissive", ports=ON_HTTP, rate_limit=LIMIT, replicas=1, mtls=PERMISSIVE, external_callers=(WEBHOOK,)
        ),
        a_service("open", ports=ON_HTTP, replicas=1),
    )


@pytest.fixture(scope="module")
def mesh(mesh_servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:  # noqa: ARG001
    inventory = an_inventory(*services())
    objects = [plain(one) for _, one in manifests(inventory, Graph(inventory))]
    workloads = [Workload("shop", one.name, _ports(one)) for one in inventory.services]
    with Mesh(tmp_path_factory.mktemp("filters"), workloads, objects) as running:
        yield running


def _ports(service: Service) -> tuple[workload.Port, ...]:
    return tuple(workload.Port(port.number, port.container_port, port.protocol) for port in service.ports)


@pytest.fixture(autouse=True)
def _forgotten(mesh: Mesh) -> None:
    mesh.reset()


def post(mesh: Mesh, callee: str, **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return mesh.request("caller", "POST", callee, headers=named)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"x_a": "down"}, 418, id="the first fault"),
        pytest.param({"x_b": "gone"}, 410, id="the second one, beside it"),
        pytest.param({"x_a": "down", "x_b": "gone"}, 418, id="both: the first"),
    ],
)
def test_fault_answers_instead_of_the_application(mesh: Mesh, headers: dict[str, str], status: int) -> None:
    answer = post(mesh, "faulty", **headers)
    assert answer.status_code == status
    assert mesh.count("faulty") == 0


@pytest.mark.parametrize("headers", [{}, {"x_a": "up"}, {"x_a": "slow"}], ids=["none", "another value", "one of two"])
def test_request_without_the_headers_is_not_hit(mesh: Mesh, headers: dict[str, str]) -> None:
    assert post(mesh, "faulty", **headers).status_code == 200
    assert mesh.count("faulty") == 1


def test_delay_holds_a_request_back_until_the_caller_gives_up(mesh: Mesh) -> None:
    """The fault is an hour, the caller's timeout two seconds."""
    assert post(mesh, "faulty", x_a="slow", x_b="slow").status_code == 504
    assert mesh.count("faulty") == 0


def test_fault_of_one_service_is_no_other_s(mesh: Mesh) -> None:
    assert post(mesh, "open", x_a="down").status_code == 200


def test_proxy_lets_in_so_many_and_refuses_the_next_as_a_limit(mesh: Mesh) -> None:
    """429 is nothing that a caller's proxy tries again, or ejects an instance for."""
    answers = [post(mesh, "limited") for _ in range(BURST + 4)]
    assert [answer.status_code for answer in answers] == [200] * BURST + [429] * 4
    assert mesh.count("limited") == BURST


def test_grpc_callers_hear_that_it_was_a_limit(mesh: Mesh) -> None:
    """UNAVAILABLE, which Envoy would say unasked, is tried again: each refusal would take its time three times."""
    host = "limited-grpc.shop.svc.cluster.local"
    answers = [mesh.pod("caller").proxy.call(host, f"/{METHOD.grpc}") for _ in range(BURST + 2)]
    assert answers == [StatusCode.OK] * BURST + [StatusCode.RESOURCE_EXHAUSTED] * 2
    assert mesh.count("limited-grpc") == BURST


def test_plaintext_has_a_bucket_of_its_own(mesh: Mesh) -> None:
    """Envoy keeps a bucket for each filter chain, and what has no certificate comes in by another one."""
    assert [post(mesh, "permissive").status_code for _ in range(BURST + 1)] == [200] * BURST + [429]
    pod = mesh.pod("permissive")
    assert [pod.plain_request("POST").status_code for _ in range(BURST + 1)] == [200] * BURST + [429]


def test_limit_of_one_service_is_no_other_s(mesh: Mesh) -> None:
    assert {post(mesh, "open").status_code for _ in range(BURST + 4)} == {200}


def test_filters_stand_between_authorization_and_the_router(mesh: Mesh) -> None:
    """Whom authorization refuses uses nothing up; the faults come after the limit, in their order."""
    assert _inbound(mesh, "limited")[-2:] == ["envoy.filters.http.local_ratelimit", "envoy.filters.http.router"]
    names = _inbound(mesh, "faulty")
    faults = [f"envoy.filters.http.fault.{fault.name}" for fault in FAULTS]
    assert names[-4:] == [*faults, "envoy.filters.http.router"]
    assert names.index("envoy.filters.http.rbac") < names.index("envoy.filters.http.fault") < len(names) - 4


def _inbound(mesh: Mesh, name: str) -> list[str]:
    """The HTTP filters of the listener that takes requests to a workload."""
    sections = mesh.pod(name).proxy.config_dump()["configs"]
    (listeners,) = [one["dynamic_listeners"] for one in sections if "dynamic_listeners" in one]
    active = [one["active_state"]["listener"] for one in listeners]
    chains = [chain for one in active if one.get("traffic_direction") == "INBOUND" for chain in one["filter_chains"]]
    managers = [one["typed_config"] for chain in chains for one in chain["filters"]]
    (filters,) = [manager["http_filters"] for manager in managers if "http_filters" in manager]
    return [one["name"] for one in filters]
