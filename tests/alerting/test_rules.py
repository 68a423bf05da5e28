"""What holds for every generated rule of the example, whatever it measures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from observe.alerting import HOLD
from observe.naming import SERVICE_LABELS, mesh_rule_path

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Inventory
    from observe.pack import Pack
    from tests.servers.prometheus_server import Promtool

LARGEST = 256 * 1024
"""Bytes; far from the limit of a Kubernetes object (1.5 MB with etcd's defaults), and readable in a review."""
RECORDS, ALERTS = mesh_rule_path("records"), mesh_rule_path("alerts")
RAW = re.compile(r"(?<![\w:])(istio|envoy|pilot|citadel|galley|sidecar|container)_\w+")
"""The name of a series that something exports; recorded ones have colons around it."""
RANGE = re.compile(r"\[(\d+)(ms|s|m|h|d|w|y)")
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_536_000}

Rule = dict[str, Any]


@pytest.fixture(scope="module")
def manifests(shop_pack: Pack) -> dict[str, dict[str, Any]]:
    """The PrometheusRule objects by their path."""
    found = (artifact for artifact in shop_pack.artifacts if artifact.path.startswith("alerts/"))
    return {artifact.path: yaml.safe_load(artifact.content) for artifact in found}


def rules(manifest: dict[str, Any]) -> list[Rule]:
    return [rule for group in manifest["spec"]["groups"] for rule in group["rules"]]


@pytest.fixture(scope="module")
def records(manifests: dict[str, dict[str, Any]]) -> list[Rule]:
    return [rule for manifest in manifests.values() for rule in rules(manifest) if "record" in rule]


@pytest.fixture(scope="module")
def alerts(manifests: dict[str, dict[str, Any]]) -> list[Rule]:
    return [rule for manifest in manifests.values() for rule in rules(manifest) if "alert" in rule]


def without_strings(expr: str) -> str:
    """Label values may look like anything."""
    return re.sub(r'"(\\.|[^"\\])*"', '""', expr)


def test_promtool_accepts_every_rule_file(
    promtool: Promtool, tmp_path: Path, manifests: dict[str, dict[str, Any]]
) -> None:
    assert len(manifests) == 22 + 2
    for path, manifest in manifests.items():
        file = tmp_path / path.replace("/", "-")
        file.write_text(yaml.safe_dump(manifest["spec"]))
        done = promtool.check_rules(file)
        assert done.returncode == 0, f"{path}: {done.stdout}{done.stderr}"


def test_every_rule_file_is_small(shop_pack: Pack) -> None:
    for artifact in shop_pack.artifacts:
        if artifact.path.startswith("alerts/"):
            assert len(artifact.content) < LARGEST, artifact.path


def test_alerts_hold_as_long_as_they_are_said_to(alerts: list[Rule]) -> None:
    for rule in alerts:
        ((number, unit),) = re.findall(r"(\d+)(s|m)", rule["for"])
        assert int(number) * SECONDS[unit] * 1_000 == HOLD[rule["alert"]]


def test_severities_are_what_people_are_woken_by(alerts: list[Rule]) -> None:
    """A page is for what users feel now, and for what stops the mesh."""
    pages = {rule["alert"] for rule in alerts if rule["labels"]["severity"] == "critical"}
    assert pages == {
        "ServiceErrorRateCritical",
        "ServiceErrorBudgetBurningFast",
        "ServiceLatencyBudgetBurningFast",
        "ServiceGone",
        "MeshTelemetryLost",
        "MeshWorkloadCertificateExpiring",
        "MeshCaCertificateExpiring",
        "ControlPlaneDown",
    }
    assert {rule["labels"]["severity"] for rule in alerts} == {"critical", "warning"}


def test_records_are_made_before_they_are_read_by_others_of_their_group(manifests: dict[str, dict[str, Any]]) -> None:
    """Rules of a group run in order; a record that is read before it is made would lag by an interval."""
    made: set[str] = set()
    of_services = {
        rule["record"] for path, one in manifests.items() if path != RECORDS for rule in rules(one) if "record" in rule
    }
    for group in manifests[RECORDS]["spec"]["groups"]:
        for rule in group["rules"]:
            read = set(re.findall(r"[a-z_]+:[a-z0-9_]+:[a-z0-9_]+", without_strings(rule["expr"])))
            assert read <= made | of_services, rule["record"]
            made.add(rule["record"])


def test_records_are_named_by_level_metric_and_operations(records: list[Rule]) -> None:
    for rule in records:
        assert re.fullmatch(r"[a-z_]+:[a-z0-9_]+:[a-z0-9_]+", rule["record"])


def test_records_of_the_mesh_have_names_of_their_own(manifests: dict[str, dict[str, Any]]) -> None:
    names = [rule["record"] for rule in rules(manifests[RECORDS])]
    assert len(set(names)) == len(names)


def test_raw_series_are_read_by_records_of_the_mesh_alone(manifests: dict[str, dict[str, Any]]) -> None:
    """So their cost does not grow with the number of services."""
    for path, manifest in manifests.items():
        raw = [rule for rule in rules(manifest) if RAW.search(without_strings(rule["expr"]))]
        assert bool(raw) == (path == RECORDS), path


def test_raw_series_are_read_over_minutes_and_records_over_days(records: list[Rule]) -> None:
    for rule in records:
        expr = without_strings(rule["expr"])
        for number, unit in RANGE.findall(expr):
            most = SECONDS["m"] * 10 if RAW.search(expr) else SECONDS["d"] * 3
            assert int(number) * SECONDS[unit] <= most, rule["record"]


def test_alerts_read_what_is_recorded_and_nothing_else(records: list[Rule], alerts: list[Rule]) -> None:
    recorded = {rule["record"] for rule in records}
    for rule in alerts:
        queries = re.findall(r"query (?:\(printf )?`([^`]*)`", rule["annotations"]["description"])
        for expr in map(without_strings, (rule["expr"], *queries)):
            assert not RAW.search(expr), rule["alert"]
            assert set(re.findall(r"[a-z_]+:[a-z0-9_]+:[a-z0-9_]+", expr)) <= recorded, rule["alert"]


def test_alerts_say_whom_they_concern_and_where_to_look(alerts: list[Rule]) -> None:
    for rule in alerts:
        assert rule["labels"].keys() >= {"severity", "category", "team", "service", "tier", "mesh"}
        assert rule["annotations"].keys() == {"summary", "description", "runbook_url", "dashboard_url", "panel_url"}
        assert all(rule["annotations"].values())


def test_alerts_select_their_own_service(shop: Inventory, manifests: dict[str, dict[str, Any]]) -> None:
    """Wherever a record of services is read, and not of their callers or callees."""
    first, second = SERVICE_LABELS
    for service in shop.services:
        for rule in rules(manifests[f"alerts/{service.namespace}/{service.name}.yaml"]):
            for matchers in re.findall(r"\bservice:\w+:\w+\{([^}]*)\}", rule["expr"]):
                assert f'{first}="{service.namespace}"' in matchers
                assert f'{second}="{service.name}"' in matchers


def test_thresholds_are_the_services_own(alerts: list[Rule]) -> None:
    limits = {
        ("order-service", "ServiceErrorRateHigh"): "> 0.02)",
        ("order-service", "ServiceErrorRateCritical"): "> 0.08)",
        ("pricing-service", "ServiceErrorRateHigh"): "> 0.05)",
        ("pricing-service", "ServiceErrorRateCritical"): "> 0.2)",
        ("pricing-service", "ServiceLatencyHigh"): "> 2000)",
        ("customer-data", "ServiceLatencyHigh"): "> 500)",
        ("api-gateway", "ServiceLatencyHigh"): "> 5000)",
    }
    by_name = {(rule["labels"]["service"], rule["alert"]): rule["expr"] for rule in alerts}
    for key, limit in limits.items():
        assert limit in by_name[key]


def test_only_who_promises_an_availability_is_held_to_it_over_days(shop: Inventory, alerts: list[Rule]) -> None:
    promising = {service.name for service in shop.services if service.objectives.availability is not None}
    assert {rule["labels"]["service"] for rule in alerts if "Budget" in rule["alert"]} == promising


def test_objects_are_found_by_the_operator_and_by_their_owner(
    shop: Inventory, manifests: dict[str, dict[str, Any]]
) -> None:
    for manifest in manifests.values():
        metadata = manifest["metadata"]
        assert (manifest["apiVersion"], manifest["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
        assert metadata["namespace"] == "monitoring"
        assert metadata["labels"].items() >= {"release": "kube-prometheus-stack"}.items()
    owners = {manifest["metadata"]["annotations"]["observe/owner"] for manifest in manifests.values()}
    assert owners == {shop.mesh.owner, *(service.owner for service in shop.services)}
