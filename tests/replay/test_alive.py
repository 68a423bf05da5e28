"""The program's mesh under a real Prometheus with the generated rules: names, labels and alerts are those of a mesh.

Only the waiting is shortened: scrapes come every three seconds, rules are evaluated every two and hold for as long, and
time runs twenty times as fast in the mesh. What is waited for are states, however long they take.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from observe.alerting import rule_groups
from observe.graph import Graph
from observe.render.rules import rule_file
from observe.signals import catalogue
from observe.simulation import incident
from tests.conftest import ROOT, SHOP
from tests.replay.program import started
from tests.servers.fixtures import require
from tests.servers.processes import accepted, local_session, wait_until
from tests.servers.prometheus_server import PrometheusServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import requests

    from observe.model import Inventory

SPEED = 20
LIMIT = 120
"""Seconds after which something is broken."""
Labels = frozenset[tuple[str, str | float]]


@dataclass(frozen=True)
class Alive:
    """A mesh, and the Prometheus that scrapes it."""

    url: str
    session: requests.Session
    prometheus: PrometheusServer

    def ask(self, method: str, path: str) -> requests.Response:
        return accepted(self.session.request(method, self.url + path, timeout=LIMIT))

    def until(self, expr: str, what: str) -> None:
        """Wait until Prometheus finds something."""
        wait_until(lambda: bool(self.prometheus.query(expr)), what, LIMIT)

    def firing(self) -> set[tuple[str, str, str]]:
        """Names, namespaces and services of the alerts that fire."""
        alerts = self.prometheus.get("/api/v1/alerts").json()["data"]["alerts"]
        found = (alert["labels"] for alert in alerts if alert["state"] == "firing")
        return {(label["alertname"], label.get("namespace", ""), label.get("service", "")) for label in found}


def hurried(rules: dict[str, Any]) -> dict[str, Any]:
    for group in rules["groups"]:
        group["interval"] = "2s"
        for rule in group["rules"]:
            if "alert" in rule:
                rule["for"] = "2s"
    return rules


def scraped(address: str) -> dict[str, Any]:
    """The scrape configuration of the stack, for a mesh that is here."""
    (config,) = yaml.safe_load((ROOT / "stack" / "prometheus.yml").read_text())["scrape_configs"]
    return {**config, "scrape_interval": "3s", "static_configs": [{"targets": [address]}]}


@pytest.fixture(scope="module")
def alive(shop: Inventory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alive]:
    """With the rules of the services in two incidents."""
    require("prometheus")
    folder = tmp_path_factory.mktemp("alive")
    names = {name for chosen in ("errors", "exporter-stopped") for name in incident(shop, chosen).services}
    groups = rule_groups(Graph(shop), catalogue(shop), [shop.by_id[name] for name in sorted(names)])
    (folder / "rules.yaml").write_text(yaml.safe_dump(hurried(rule_file(groups))))
    with started("-i", str(SHOP), "--speed", str(SPEED)) as (_, said), local_session() as session:
        url = said.partition("/metrics")[0]
        configs = [scraped(url.removeprefix("http://"))]
        with PrometheusServer(folder, rules=[folder / "rules.yaml"], scrape_configs=configs) as prometheus:
            found = Alive(url, session, prometheus)
            found.until("istio_build", "the mesh is scraped")
            yield found


def labels(metric: Mapping[str, str]) -> Labels:
    """Without the name, and limits of buckets as numbers: Prometheus 3 writes them its own way when it scrapes."""
    plain = {name: value for name, value in metric.items() if name not in ("__name__", "le")}
    return frozenset([*plain.items(), *([("le", float(metric["le"]))] if "le" in metric else [])])


def test_every_series_is_known_by_the_name_and_labels_that_it_is_exposed_with(alive: Alive) -> None:
    exposed: dict[str, set[Labels]] = {}
    for family in text_string_to_metric_families(alive.ask("GET", "/metrics").text):
        for sample in family.samples:
            exposed.setdefault(sample.name, set()).add(labels(sample.labels))
    assert "istio_requests_total" in exposed
    for name, expected in exposed.items():
        found = alive.prometheus.query(f'{name}{{job!="simulation"}}')
        assert {labels(one["metric"]) for one in found} == expected, name


def test_each_pod_is_a_target_of_its_own(alive: Alive, shop: Inventory) -> None:
    """`up` of the exposition stands beside the one that Prometheus makes for the scrape itself."""
    assert len(alive.prometheus.query('up{job="simulation"}')) == 1
    pods = {one["metric"]["pod"] for one in alive.prometheus.query('up{job="envoy-stats"} == 1')}
    assert len(pods) > len(shop.in_mesh)


def test_an_alert_fires_once_an_incident_is_asked_for(alive: Alive, shop: Inventory) -> None:
    service = shop.by_id[incident(shop, "errors").services[0]]
    critical = ("ServiceErrorRateCritical", service.namespace, service.name)
    assert critical not in alive.firing()
    alive.ask("POST", "/incident/errors?for=1h")
    wait_until(lambda: critical in alive.firing(), "the critical alert fires", LIMIT)
    alive.ask("POST", "/recover")
    (resets,) = alive.prometheus.query("sum(resets(istio_requests_total[1h]))")
    assert resets["value"][1] == "0", "counters go on from healthy to incident and back"
    groups = alive.prometheus.get("/api/v1/rules").json()["data"]["groups"]
    assert {rule["health"] for group in groups for rule in group["rules"]} == {"ok"}


def test_what_is_not_scraped_vanishes_and_its_target_is_down(alive: Alive, shop: Inventory) -> None:
    service = shop.by_id[incident(shop, "exporter-stopped").services[0]]
    pods = f'job="envoy-stats", namespace="{service.namespace}", pod=~"{service.name}-.*"'
    alive.until(f"istio_build{{{pods}}}", "the service reports")
    alive.ask("POST", "/incident/exporter-stopped?for=1h")
    alive.until(f"up{{{pods}}} == 0", "its targets are down")
    alive.until(f"absent(istio_build{{{pods}}})", "its series are stale")
    alive.ask("POST", "/recover")
    alive.until(f"istio_build{{{pods}}}", "its series are back")
