"""docs/inventory.md: its example loads, and its tables have every key."""

from __future__ import annotations

import re

import pytest

from observe import checks
from observe.inventory import json_schema, parse
from observe.model.service import DEFAULTABLE
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "inventory.md").read_text(encoding="utf-8")
DEFINITIONS = {name: one for name, one in json_schema()["$defs"].items() if name not in ("Defaults", "Services")}


def table(heading: str) -> list[list[str]]:
    """The cells of the rows below a heading."""
    section = re.split(r"^#+ ", PAGE.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row] for row in rows]


def test_the_example_loads_and_has_no_fault() -> None:
    example = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[0]
    inventory = parse([("inventory.yaml", example)])
    assert [finding.code for finding in checks.over_inventory(inventory)] == ["OBS109"]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_key_is_documented_and_no_other(name: str) -> None:
    assert [row[0].strip("`") for row in table(name)] == list(DEFINITIONS[name]["properties"])


@pytest.mark.parametrize("name", DEFINITIONS)
def test_required_keys_and_choices_are_as_documented(name: str) -> None:
    given_by_defaults = {"namespace", "owner", "tier"} if name == "Service" else set()
    required = given_by_defaults.union(DEFINITIONS[name].get("required", ()))
    for key, value, default, _ in table(name):
        schema = DEFINITIONS[name]["properties"][key.strip("`")]
        assert (default == "required") == (key.strip("`") in required), (name, key)
        for choice in schema.get("enum", ()):
            assert f"`{choice}`" in value, (name, key)
        if "enum" in schema and "default" in schema:
            assert default == f"`{schema['default']}`", (name, key)


def test_what_may_have_a_default_is_documented() -> None:
    (sentence,) = re.findall(r"^`defaults` may give (.*?)\.$", PAGE, re.MULTILINE | re.DOTALL)
    assert tuple(re.findall(r"`(\w+)`", sentence)) == DEFAULTABLE
