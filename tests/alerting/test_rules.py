"""What holds for every generated rule of the example, whatever it measures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from observe.naming import MESH_RULE_PATH

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Inventory
    from observe.pack import Pack
    from tests.servers.prometheus_server import Promtool

LARGEST = 256 * 1024
"""Bytes; far from the limit of a Kubernetes object (1.5 MB with etcd's defaults), and readable in a review."""
ALERTS = {
    "ServiceErrorRateHigh": ("warning", "2m"),
    "ServiceErrorRateCritical": ("critical", "1m"),
    "ServiceLatencyHigh": ("warning", "3m"),
    "ServiceCircuitBreakerEjecting": ("warning", "1m"),
    "ServiceMtlsCoverageLow": ("warning", "5m"),
}
RAW = re.compile(r"(?<![\w:])(istio|envoy)_\w+")
"""The name of a series that a proxy exports; recorded ones have colons around it."""
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
    assert len(manifests) == 22 + 1
    for path, manifest in manifests.items():
        file = tmp_path / path.replace("/", "-")
        file.write_text(yaml.safe_dump(manifest["spec"]))
        done = promtool.check_rules(file)
        assert done.returncode == 0, f"{path}: {done.stdout}{done.stderr}"


def test_every_rule_file_is_small(shop_pack: Pack) -> None:
    for artifact in shop_pack.artifacts:
        if artifact.path.startswith("alerts/"):
            assert len(artifact.content) < LARGEST, artifact.path


def test_every_service_has_the_five_alerts(shop: Inventory, manifests: dict[str, dict[str, Any]]) -> None:
    """Ejections are left out where they cannot happen: a service with one instance has no outlier detection."""
    for service in shop.services:
        found = {rule["alert"]: (rule["labels"]["severity"], rule["for"])
                 for rule in rules(manifests[f"alerts/{service.namespace}/{service.name}.yaml"])}  # fmt: skip
        expected = {name for name in ALERTS if name != "ServiceCircuitBreakerEjecting" or service.replicas > 1}
        assert found == {name: ALERTS[name] for name in expected}, service.id


def test_records_are_made_in_one_group_before_they_are_read(manifests: dict[str, dict[str, Any]]) -> None:
    """Rules of a group run in order; a record that is read before it is made would lag by an interval."""
    (group,) = manifests[MESH_RULE_PATH]["spec"]["groups"]
    made: set[str] = set()
    for rule in group["rules"]:
        assert set(re.findall(r"service\w*:\w+:\w+", without_strings(rule["expr"]))) <= made, rule["record"]
        made.add(rule["record"])


def test_records_are_named_by_level_metric_and_operations(records: list[Rule]) -> None:
    names = [rule["record"] for rule in records]
    assert len(set(names)) == len(names)
    for name in names:
        assert re.fullmatch(r"[a-z_]+:[a-z0-9_]+:[a-z0-9_]+", name)


def test_records_look_back_for_an_hour_at_most(records: list[Rule]) -> None:
    for rule in records:
        for number, unit in RANGE.findall(without_strings(rule["expr"])):
            assert int(number) * SECONDS[unit] <= SECONDS["h"], rule["record"]


def test_raw_series_are_read_by_records_of_the_mesh_alone(manifests: dict[str, dict[str, Any]]) -> None:
    """So their cost does not grow with the number of services."""
    for path, manifest in manifests.items():
        raw = [rule for rule in rules(manifest) if RAW.search(without_strings(rule["expr"]))]
        assert bool(raw) == (path == MESH_RULE_PATH), path


def test_alerts_read_what_is_recorded_and_nothing_else(records: list[Rule], alerts: list[Rule]) -> None:
    recorded = {rule["record"] for rule in records}
    for rule in alerts:
        expr = without_strings(rule["expr"])
        assert "[" not in expr, rule["expr"]
        read = set(re.findall(r"\w+(?=\{)", expr)) | set(re.findall(r"\w+:\w+:\w+", expr))
        assert read - {name.rpartition(":")[2] for name in recorded} <= recorded, rule["expr"]


def test_alerts_say_whom_they_concern_and_where_to_look(alerts: list[Rule]) -> None:
    assert len(alerts) == 22 * len(ALERTS) - 1  # report-processor has one replica
    for rule in alerts:
        assert rule["labels"].keys() >= {"severity", "owner", "service", "service_namespace", "tier", "mesh"}
        assert rule["annotations"].keys() == {"summary", "description", "runbook_url", "dashboard_url", "panel_url"}
        assert all(rule["annotations"].values())
        assert rule["annotations"]["runbook_url"].endswith(f"/{rule['alert']}.md")


def test_alerts_select_their_own_service(shop: Inventory, manifests: dict[str, dict[str, Any]]) -> None:
    for service in shop.services:
        for rule in rules(manifests[f"alerts/{service.namespace}/{service.name}.yaml"]):
            selectors = re.findall(r"\w+:\w+:\w+\{([^}]*)\}", rule["expr"])
            assert selectors
            for matchers in selectors:
                assert f'destination_service_namespace="{service.namespace}"' in matchers
                assert f'destination_service_name="{service.name}"' in matchers


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


def test_objects_are_found_by_the_operator_and_by_their_owner(
    shop: Inventory, manifests: dict[str, dict[str, Any]]
) -> None:
    for path, manifest in manifests.items():
        metadata = manifest["metadata"]
        assert (manifest["apiVersion"], manifest["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
        assert metadata["namespace"] == "monitoring"
        assert metadata["labels"].items() >= {"release": "kube-prometheus-stack"}.items()
        assert ("observe/owner" in metadata["annotations"]) == (path != MESH_RULE_PATH)
    owners = {manifest["metadata"]["annotations"].get("observe/owner") for manifest in manifests.values()}
    assert owners == {None, *(service.owner for service in shop.services)}
