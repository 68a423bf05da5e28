"""The queries that split traffic, answered by a real Prometheus from requests as proxies report them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from observe import boards
from observe.boards.panel import Measured
from observe.graph import Graph
from observe.signals import catalogue
from tests.boards.samples import CHECKOUT, USERS, a_small_mesh
from tests.servers.fixtures import require
from tests.servers.prometheus_server import PrometheusServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Service

NOW = 1_700_000_000
STEP = 15

# reporter, caller, callee, protocol, code, gRPC status, flags, requests per second
REPORTED = (
    ("source", "web", "checkout", "http", "200", "", "-", 9),
    ("source", "web", "checkout", "http", "503", "", "UF,URX", 2),
    ("source", "web", "checkout", "http", "0", "", "DC", 1),  # the client left: nobody's failure
    ("destination", "web", "checkout", "http", "200", "", "-", 9),  # the same requests, seen from the other side
    ("destination", "unknown", "checkout", "http", "200", "", "-", 3),
    ("destination", "unknown", "checkout", "http", "500", "", "-", 1),
    ("source", "checkout", "users", "grpc", "200", "0", "-", 7),
    ("source", "checkout", "users", "grpc", "200", "5", "-", 6),  # NOT_FOUND: the caller's own affair
    ("source", "checkout", "users", "grpc", "200", "14", "-", 7),
    ("source", "checkout", "PassthroughCluster", "http", "200", "", "-", 4),
)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """Ten minutes of requests."""
    require("prometheus")
    folder = tmp_path_factory.mktemp("reported")
    lines = ["# TYPE istio_requests counter"]
    for reporter, caller, callee, protocol, code, status, flags, rate in REPORTED:
        labels = (
            f'reporter="{reporter}",source_workload_namespace="shop",source_workload="{caller}",'
            f'destination_service_namespace="shop",destination_service_name="{callee}",request_protocol="{protocol}",'
            f'response_code="{code}",grpc_response_status="{status}",response_flags="{flags}"'
        )
        times = range(0, 601, STEP)
        lines += [f"istio_requests_total{{{labels}}} {rate * time} {NOW - 600 + time}" for time in times]
    samples = folder / "samples.txt"
    samples.write_text("\n".join([*lines, "# EOF", ""]))
    with PrometheusServer(folder, samples=samples) as server:
        yield server


@pytest.mark.parametrize(
    ("service", "key", "label", "expected"),
    [
        pytest.param(
            CHECKOUT, "callers-rate", "source_workload", {"web": 12, "unknown": 4}, id="each request counts once"
        ),
        pytest.param(
            CHECKOUT, "callers-errors", "source_workload", {"web": 2 / 12, "unknown": 1 / 4}, id="who left did not fail"
        ),
        pytest.param(USERS, "callers-errors", "source_workload", {"checkout": 7 / 20}, id="failed gRPC has code 200"),
        pytest.param(
            CHECKOUT,
            "callees-rate",
            "destination_service_name",
            {"users": 20, "PassthroughCluster": 4},
            id="also what no configuration names",
        ),
        pytest.param(
            CHECKOUT,
            "callees-errors",
            "destination_service_name",
            {"users": 7 / 20, "PassthroughCluster": 0},
            id="none failed is 0, not nothing",
        ),
        pytest.param(
            CHECKOUT, "response-codes", "response_code", {"200": 12, "503": 2, "500": 1, "0": 1}, id="codes from both"
        ),
        pytest.param(
            USERS, "response-codes", "grpc_response_status", {"0": 7, "5": 6, "14": 7}, id="statuses tell calls apart"
        ),
        pytest.param(
            CHECKOUT, "response-flags", "response_flags", {"UF,URX": 2, "DC": 1}, id="flags, not their absence"
        ),
    ],
)
def test_the_split_adds_up(
    reported: PrometheusServer, service: Service, key: str, label: str, expected: dict[str, float]
) -> None:
    (query,) = queries(service, key)
    found = reported.query(query.replace("$__rate_interval", "1m"), time=NOW)
    values = {series["metric"][label]: float(series["value"][1]) for series in found}
    assert values == pytest.approx(expected)


def queries(service: Service, key: str) -> list[str]:
    inventory = a_small_mesh()
    board = boards.service_board(inventory, Graph(inventory), catalogue(inventory), service)
    (found,) = [panel for panel in board.panels if panel.key == key]
    assert isinstance(found, Measured)
    return [str(query.expr) for query in found.queries]
