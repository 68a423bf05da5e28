"""The JSON Schema: current, and of one mind with the loader."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from observe.inventory import json_schema
from tests.conftest import ROOT, SHOP
from tests.inventory.good import GOOD, broken

VALIDATOR = Draft202012Validator(json_schema())


def valid(data: Any) -> bool:
    """Whether an editor would be content."""
    return not list(VALIDATOR.iter_errors(data))


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(json_schema())


def test_the_committed_file_is_current() -> None:
    command = [sys.executable, "-m", "observe", "schema"]
    printed = subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout
    assert (ROOT / "docs" / "inventory.schema.json").read_bytes() == printed, "run make generate"


@pytest.mark.parametrize("file", sorted(SHOP.glob("*.yaml")), ids=lambda file: file.name)
def test_the_example_refers_to_it_and_is_valid(file: Any) -> None:
    text = file.read_text(encoding="utf-8")
    first = text.splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (file.parent / first.partition("=")[2]).resolve() == ROOT / "docs" / "inventory.schema.json"
    assert [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))] == []


def test_the_good_inventory_is_valid() -> None:
    assert valid(yaml.safe_load(GOOD))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("role: sync", "role: snyc", id="choice"),
        pytest.param("role: sync", "roel: sync", id="unknown key"),
        pytest.param("    role: sync\n", "", id="missing key"),
        pytest.param("role: sync", "role: sync\n    name: cart", id="name"),
        pytest.param("tier: high", "tier: high\n  role: sync", id="no default"),
        pytest.param("services:\n", "servces:\n", id="section"),
        pytest.param("  stock:\n", "  Stock_1:\n", id="key"),
        pytest.param('"1.30"', "1.30", id="version"),
        pytest.param("timeout: 2s", "timeout: 2", id="duration"),
        pytest.param("error_rate: 2%", "error_rate: high", id="percentage"),
        pytest.param("error_rate: 2%", "error_rate: 3", id="range"),
        pytest.param("number: 80,", "number: 65536,", id="port"),
        pytest.param("method: GET, path: /items", "method: GET", id="half an operation"),
        pytest.param("method: GET, path: /items", "method: GET, path: /items, grpc: a.B/C", id="two operations"),
        pytest.param("role: sync", "role: sync\n    labels: {a b: c}", id="label key"),
        pytest.param("role: sync", "role: sync\n    mtls: {mode: PERMISSIVE, reason: ' '}", id="blank"),
        pytest.param("      - {method: GET, path: /items}\n", "      - GET\n", id="text for a mapping"),
    ],
)
def test_editors_see_what_the_loader_sees(old: str, new: str) -> None:
    assert not valid(yaml.safe_load(broken(old, new)))


def test_defaults_are_written_as_the_file_writes_them() -> None:
    """The schema offers them for completion; 30000 would be no duration."""
    definitions = json_schema()["$defs"]
    assert definitions["Prometheus"]["properties"]["evaluation_interval"]["default"] == "30s"
    for name, definition in definitions.items():
        for key, schema in definition.get("properties", {}).items():
            if "default" in schema:
                assert not list(VALIDATOR.evolve(schema=schema).iter_errors(schema["default"])), (name, key)


def test_every_key_is_described() -> None:
    for name, definition in json_schema()["$defs"].items():
        for key, schema in definition.get("properties", {}).items():
            described = schema if "description" in schema else json_schema()["$defs"][schema["$ref"].rpartition("/")[2]]
            assert described["description"], (name, key)


def test_it_says_nothing_twice() -> None:
    text = json.dumps(json_schema())
    assert '"title": "Service"' not in text
    assert '"default": null' not in text
