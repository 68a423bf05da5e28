"""The generated tests themselves, run by promtool as a user runs them: every alert of every service passes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from observe.alerting import Alert, mesh_alerts, service_rules
from observe.graph import Graph
from observe.inventory import load
from observe.proofs import RuleTests
from observe.proofs.documents import RULES, TESTS
from observe.render.text import to_yaml
from observe.signals import catalogue
from tests.conftest import INVENTORIES
from tests.proofs.fleet import fleet
from tests.samples import a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Inventory, Service
    from tests.servers.prometheus_server import Promtool

LARGEST = 170 * 1024
"""Bytes of a service's file. Whoever promises an availability has six alerts more, and four texts in each scene."""
FILES = ("mesh-alerts", "mesh-objectives", "mesh-records")


def proofs(inventory: Inventory) -> RuleTests:
    return RuleTests(inventory, Graph(inventory), catalogue(inventory))


@pytest.fixture(scope="module", params=INVENTORIES, ids=lambda path: Path(path).stem)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Inventory, Path]:
    """An inventory, and the folder with its files."""
    inventory = load(request.param)
    return inventory, write(inventory, tmp_path_factory.mktemp("proofs"))


def write(inventory: Inventory, folder: Path) -> Path:
    for path, content in proofs(inventory).files():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(to_yaml(content))
    return folder


def shapes(inventory: Inventory) -> Iterator[Service]:
    """One service of each kind that differs in which alerts it has."""
    graph, signals = Graph(inventory), catalogue(inventory)
    seen: set[frozenset[str]] = set()
    for service in inventory.services:
        shape = frozenset(rule.name for group in service_rules(graph, signals, service) for rule in group.rules)
        if shape not in seen:
            seen.add(shape)
            yield service


def passes(promtool: Promtool, folder: Path, name: str) -> None:
    done = promtool.test_rules(folder / TESTS / f"{name}.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", FILES)
def test_records_and_alerts_of_the_mesh_pass(promtool: Promtool, written: tuple[Inventory, Path], name: str) -> None:
    passes(promtool, written[1], name)


def test_a_service_of_every_kind_passes(promtool: Promtool, written: tuple[Inventory, Path]) -> None:
    inventory, folder = written
    for service in shapes(inventory):
        if (folder / TESTS / f"{service.id}.yaml").exists():
            passes(promtool, folder, service.id)


@pytest.mark.slow
def test_every_service_passes(promtool: Promtool, written: tuple[Inventory, Path]) -> None:
    inventory, folder = written
    for service in inventory.services:
        if (folder / TESTS / f"{service.id}.yaml").exists():
            passes(promtool, folder, service.id)


@pytest.mark.parametrize("interval", [15_000, 60_000])
@pytest.mark.slow
def test_other_clocks_pass(promtool: Promtool, tmp_path: Path, interval: int) -> None:
    """Scrapes and evaluations that are as rare as each other, and windows that are wider for it."""
    inventory = fleet()
    prometheus = replace(inventory.mesh.prometheus, scrape_interval=interval, evaluation_interval=interval)
    changed = replace(inventory, mesh=replace(inventory.mesh, prometheus=prometheus))
    folder = write(changed, tmp_path)
    for name in (*FILES, *(service.id for service in changed.services)):
        passes(promtool, folder, name)


def test_every_alert_fires_somewhere_and_is_asserted_whole(written: tuple[Inventory, Path]) -> None:
    """An alert that cannot fire is none."""
    inventory, _ = written
    made = dict(proofs(inventory).files())
    for path, content in made.items():
        if not path.startswith(RULES):
            continue
        told = {
            (alert["alertname"], expected["exp_labels"]["severity"])
            for test in made.get(path.replace(RULES, TESTS), {"tests": ()})["tests"]
            for alert in test.get("alert_rule_test", ())
            for expected in alert["exp_alerts"]
        }
        rules = [rule for group in content["groups"] for rule in group["rules"] if "alert" in rule]
        assert told == {(rule["alert"], rule["labels"]["severity"]) for rule in rules}, path


def test_sentences_are_told_apart_by_one_space(written: tuple[Inventory, Path]) -> None:
    """Whichever of them there are: an asked one that finds nothing leaves no gap."""
    inventory, _ = written
    for _, content in proofs(inventory).files():
        for test in content.get("tests", ()):
            for alert in test.get("alert_rule_test", ()):
                for told in alert["exp_alerts"]:
                    text = told["exp_annotations"]["description"]
                    assert not re.search(r"  |[a-z)%]\.[A-Z]|^ | $", text), text


def test_files_are_small(written: tuple[Inventory, Path]) -> None:
    inventory, folder = written
    for service in inventory.services:
        path = folder / TESTS / f"{service.id}.yaml"
        assert not path.exists() or path.stat().st_size < LARGEST, service.id


def test_same_inventory_gives_the_same_files() -> None:
    one, other = (dict(proofs(fleet()).files()) for _ in range(2))
    assert [(path, to_yaml(content)) for path, content in one.items()] == [
        (path, to_yaml(content)) for path, content in other.items()
    ]


def test_rules_that_are_tested_are_those_of_the_pack() -> None:
    """Each rule of the mesh and of the services once, word by word."""
    inventory = fleet()
    tests, graph, signals = proofs(inventory), Graph(inventory), catalogue(inventory)
    records = {rule.name for group in (*tests.for_alerts, *tests.for_panels, *tests.over_days) for rule in group.rules}
    assert records == {signal.record for signal in signals.recorded}
    files = dict(tests.files())
    for service in inventory.services:
        groups = files[f"{RULES}/{service.id}.yaml"]["groups"]
        own = [rule.name for group in service_rules(graph, signals, service) for rule in group.rules]
        assert [rule.get("alert") or rule["record"] for group in groups for rule in group["rules"]] == own
    mesh = [rule.name for group in mesh_alerts(inventory.mesh, signals) for rule in group.rules]
    assert [rule["alert"] for group in files[f"{RULES}/mesh-alerts.yaml"]["groups"] for rule in group["rules"]] == mesh


def expected_at(test: dict[str, Any]) -> list[list[str]]:
    return [[sample["labels"] for sample in one["exp_samples"]] for one in test["promql_expr_test"]]


def test_each_alert_is_quiet_pending_and_firing_and_quiet_again() -> None:
    """In the scene that asserts its text. What few requests say holds for an hour, and no scene is that long."""
    tests = proofs(fleet())
    service = tests.inventory.by_id["shop/checkout"]
    made = tests.of_service(service)
    for group in service_rules(tests.graph, tests.signals, service):
        for alert in group.rules:
            if not isinstance(alert, Alert):
                continue
            (test,) = (
                one for one in made["tests"] if any(told["alertname"] == alert.name for told in one["alert_rule_test"])
            )
            states = [state_of(alert.name, found) for found in expected_at(test)]
            first = states.index("firing")
            assert states[0] == "", alert.name
            assert states[first - 1] == "pending", alert.name
            assert "" in states[first:] or alert.name == "ServiceFailingAtLowTraffic", alert.name


def state_of(name: str, found: list[str]) -> str:
    for state in ("pending", "firing"):
        if any(f" {name} {state}" in labels for labels in found):
            return state
    return ""


def test_service_that_nobody_reports_about_has_no_tests() -> None:
    """Nobody calls it, and it has no proxy: there is no alert either."""
    service = a_service(in_mesh=False, ports=())
    inventory = an_inventory(service, mesh=a_mesh(data_plane="ambient"))
    assert f"{TESTS}/{service.id}.yaml" not in dict(proofs(inventory).files())
