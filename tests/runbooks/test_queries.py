"""Queries on the pages: Prometheus understands each of them, and they read what is recorded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from observe import telemetry
from observe.graph import Graph
from observe.inventory import load
from observe.model import Prometheus
from observe.promql import escape_regex
from observe.runbooks.steps.platform import PUSH_TRIGGERS
from observe.signals import catalogue
from tests.conftest import INVENTORIES
from tests.runbooks.reading import pages, pages_of, snippets
from tests.samples import a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from tests.servers.prometheus_server import PrometheusServer

RAW = {
    telemetry.REQUESTS,
    telemetry.TCP_OPENED,
    telemetry.UP,
    telemetry.EJECTIONS_ACTIVE,
    telemetry.RETRIES,
    PUSH_TRIGGERS,
}
"""Raw series that people ask for one service, or of Prometheus itself: what no record has."""


@pytest.mark.parametrize("path", INVENTORIES)
def test_prometheus_understands_every_query(prometheus_server: PrometheusServer, path: str) -> None:
    queries = _of_each_shape(pages_of(path))
    assert len(queries) > 10
    for query in queries:
        assert prometheus_server.query(query) == [], query


def test_queries_that_tell_clusters_apart_are_understood_too(prometheus_server: PrometheusServer) -> None:
    mesh = a_mesh(prometheus=Prometheus(cluster_label="region"))
    for query in _of_each_shape(pages(an_inventory(a_service(), mesh=mesh))):
        assert prometheus_server.query(query) == [], query


def _of_each_shape(found: dict[str, str]) -> list[str]:
    """One of all queries that differ in the names of services alone: as labels' values, those read alike."""
    shapes: dict[str, str] = {}
    for snippet in snippets(found, "promql"):
        shapes.setdefault(re.sub(r'="(?:[^"\\]|\\.)*"', "", snippet.code), snippet.code)
    return list(shapes.values())


@pytest.mark.parametrize("path", INVENTORIES)
def test_queries_read_records_that_there_are(path: str) -> None:
    inventory = load(path)
    signals = catalogue(inventory)
    own = {signal.record for service in inventory.services for signal, _ in signals.own(service)}
    recorded = {signal.record for signal in signals.recorded} | own
    for snippet in snippets(pages(inventory), "promql"):
        bare = re.sub(r'"(?:[^"\\]|\\.)*"|\[[^]]*\]|(?:by|on) \([^)]*\)', "", snippet.code)
        for selector in re.findall(r"[a-z_:0-9]*:[a-z_:0-9]+", bare):
            assert selector in recorded, (selector, snippet)
        for metric in re.findall(
            r"\b((?:istio|envoy|pilot|citadel)_\w+|up)\b(?!:)", re.sub(r"[a-z_]*:[\w:]+", "", bare)
        ):
            assert metric in RAW, (metric, snippet)


@pytest.mark.parametrize("path", INVENTORIES)
def test_queries_of_a_service_are_about_it_or_about_whom_it_calls(path: str) -> None:
    inventory = load(path)
    graph = Graph(inventory)
    found = pages(inventory)
    for service in inventory.services:
        concerned = [service, *graph.callees(service)]
        names = {name for each in concerned for name in (each.name, each.workload_name, escape_regex(each.name))}
        names |= {each.outside.host for each in concerned if each.outside}
        page = f"{service.namespace}/{service.name}.md"
        for snippet in snippets({page: found[page]}, "promql"):
            assert any(name in snippet.code for name in names), snippet
