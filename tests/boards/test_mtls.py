"""The mTLS dashboard: made for people who were not there when it was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from observe.boards.mtls import mtls_board
from observe.boards.panel import Measured, Table, Text, Variable
from observe.model import Mtls
from observe.signals import catalogue
from tests.boards.samples import CHECKOUT, LEGACY, PLAIN, WEBHOOK, a_small_mesh
from tests.samples import a_service, an_inventory
from tests.servers.fixtures import require
from tests.servers.prometheus_server import PrometheusServer

if TYPE_CHECKING:
    from pathlib import Path

    from observe.boards import Board
    from observe.model import Inventory, Service


def board_of(inventory: Inventory) -> Board:
    return mtls_board(inventory, catalogue(inventory))


def exceptions_of(*services: Service) -> str:
    found = next(panel for panel in board_of(an_inventory(*services)).panels if panel.key == "exceptions")
    assert isinstance(found, Text)
    return found.content


def query(key: str, inventory: Inventory | None = None, index: int = 0) -> str:
    found = next(panel for panel in board_of(inventory or a_small_mesh()).panels if panel.key == key)
    assert isinstance(found, Measured)
    return str(found.queries[index].expr)


def test_every_exception_is_listed_with_its_reason_and_owner() -> None:
    assert exceptions_of(CHECKOUT, WEBHOOK, PLAIN, LEGACY).splitlines()[2:] == [
        "| shop/legacy | team-a | no proxy: nothing that it receives is encrypted by the mesh | none declared |",
        "| shop/metrics | team-a | DISABLE: scraped by a box without TLS | none declared |",
        (
            "| shop/webhook | team-a | PERMISSIVE on container ports 8080: the bank&#39;s sender has no certificate "
            "| the bank |"
        ),
    ]


def test_no_exceptions_is_said_in_words() -> None:
    assert exceptions_of(CHECKOUT) == "None: every service of the inventory is in the mesh and takes mutual TLS only."


def test_a_missing_reason_is_named() -> None:
    assert "PERMISSIVE: no reason given" in exceptions_of(a_service(mtls=Mtls(mode="PERMISSIVE")))


def test_a_reason_cannot_break_the_table_or_read_variables() -> None:
    """What a team writes is evidence, not markup."""
    reason = "x | ok |${datasource} {{y}} <b> `z`"
    (row,) = exceptions_of(a_service(mtls=Mtls(mode="PERMISSIVE", reason=reason))).splitlines()[2:]
    assert row.count("|") == 5
    assert not set(row) & set("${}<>`")


@pytest.mark.parametrize(("index", "kind"), [(0, "request"), (1, "connection")])
def test_plaintext_is_what_the_callee_did_not_see_encrypted(index: int, kind: str) -> None:
    """Not `="none"`, which ztunnel never says. Each record stands for the thirty seconds until the next."""
    found = query("plaintext-edges", index=index)
    assert f'service_peer:istio_received:rate5m{{kind="{kind}", connection_security_policy!="mutual_tls"' in found
    assert found.endswith("[$__range])) * 30) > 0")


def test_namespaces_with_nothing_but_connections_can_be_chosen() -> None:
    (variable,) = board_of(a_small_mesh()).variables
    assert isinstance(variable, Variable)
    assert variable.metric == catalogue(a_small_mesh()).received.record


def test_edges_are_named_by_both_ends() -> None:
    found = next(panel for panel in board_of(a_small_mesh()).panels if panel.key == "plaintext-edges")
    assert isinstance(found, Table)
    assert [key.label for key in found.keys] == [
        "source_workload_namespace", "source_workload", "destination_service_namespace", "destination_service_name",
    ]  # fmt: skip


def test_certificates_are_read_from_the_agents_of_workloads() -> None:
    """Envoy's own `days_until_first_cert_expiring` is below 7 on every sidecar: certificates live a day."""
    asked = [
        str(one.expr)
        for panel in board_of(a_small_mesh()).panels
        if isinstance(panel, Measured)
        for one in panel.queries
    ]
    assert any("istio_agent_cert_expiry_seconds" in expression for expression in asked)
    assert not [expression for expression in asked if "days_until_first_cert_expiring" in expression]


def test_ambient_says_why_there_are_no_certificates() -> None:
    panels = board_of(a_small_mesh(data_plane="ambient")).panels
    said = {panel.no_value for panel in panels if isinstance(panel, Measured) and panel.key.startswith("certificates")}
    assert said == {"ztunnel reports no expiry"}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> PrometheusServer:
    """Three services: 90 requests/s all encrypted, 10 with half of them, and one to which nothing comes."""
    require("prometheus")
    folder = tmp_path_factory.mktemp("recorded")
    samples = folder / "samples.txt"
    write(samples, {"coverage": {"big": 1, "small": 0.5}, "received": {"big": 90, "small": 10, "idle": 0}})
    return PrometheusServer(folder, samples=samples)


def write(path: Path, values: dict[str, dict[str, float]]) -> None:
    signals = catalogue(a_small_mesh())
    lines = []
    for name, by_service in values.items():
        record = getattr(signals, name).record
        lines.append(f"# TYPE {record} gauge")
        for service, value in by_service.items():
            labels = f'destination_service_namespace="shop",destination_service_name="{service}"'
            lines += [f"{record}{{{labels}}} {value} {time}" for time in (NOW - 60, NOW)]
    path.write_text("\n".join([*lines, "# EOF", ""]))


NOW = 1_700_000_000


def test_shares_weigh_by_traffic_and_idle_services_do_not_count(recorded: PrometheusServer) -> None:
    """90 of 90 and 5 of 10 are 95 of 100; one service of the two with traffic is below the line."""
    expected = {"now-mtls-coverage-5m": 0.95, f"now-{catalogue(a_small_mesh()).received.id}": 100, "services-below": 1}
    with recorded as server:
        for key, value in expected.items():
            (found,) = server.query(query(key).replace("$namespace", ".+"), time=NOW)
            assert float(found["value"][1]) == pytest.approx(value), key
