"""The instructions of docs/alertmanager.md do what they say."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from observe.render.alertmanager import configuration_file
from observe.render.text import to_yaml
from tests.alertmanager.samples import configured
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Inventory
    from tests.servers.alertmanager_server import Amtool

TEXT = (ROOT / "docs" / "alertmanager.md").read_text(encoding="utf-8")
PAGER = {"webhook_configs": [{"url": "http://pager.example.com/"}]}
OWN: dict[str, Any] = {
    "route": {"receiver": "everyone", "group_wait": "7s", "routes": [{"matchers": ['team="dba"'], "receiver": "dba"}]},
    "inhibit_rules": [{"source_matchers": ['mesh="shopping", a="b"'], "target_matchers": ['c="d"']}],
    "receivers": [{"name": "everyone", **PAGER}, {"name": "dba", **PAGER}, {"name": "payments-page", **PAGER}],
}


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def pack(tmp_path: Path, shop: Inventory) -> Path:
    path = tmp_path / "pack.yaml"
    path.write_bytes(to_yaml(configuration_file(configured(shop))))
    return path


def merge(own: Path, pack: Path) -> tuple[Path, str]:
    """The merged file, and what the instructions' program says beside it."""
    script, merged = own.parent / "merge.py", own.parent / f"merged-{own.name}"
    script.write_text(block("python"), encoding="utf-8")
    done = subprocess.run([sys.executable, script, own, pack], capture_output=True, text=True, check=True, timeout=60)
    merged.write_text(done.stdout, encoding="utf-8")
    return merged, done.stderr


@pytest.fixture
def merged(tmp_path: Path, pack: Path) -> Path:
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump(OWN))
    return merge(own, pack)[0]


def test_merging_keeps_what_was_there_and_adds_the_mesh(tmp_path: Path, pack: Path, shop: Inventory) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump(OWN))
    path, says = merge(own, pack)
    found = yaml.safe_load(path.read_text())
    ours = configuration_file(configured(shop))
    assert found["route"]["routes"] == [*ours["route"]["routes"], *OWN["route"]["routes"]]
    assert found["inhibit_rules"] == OWN["inhibit_rules"] + ours["inhibit_rules"]
    assert found["receivers"][:3] == OWN["receivers"]
    added = [receiver["name"] for receiver in found["receivers"][3:]]
    assert says.splitlines() == [f"{name}: no integration yet, it tells nobody" for name in added]
    assert "payments-ticket" in added
    assert not {"payments-page", "default"} & set(added)


def test_merging_again_changes_nothing(pack: Path, merged: Path) -> None:
    again, says = merge(merged, pack)
    assert again.read_text() == merged.read_text()
    assert says == ""


def test_merging_a_smaller_mesh_takes_out_what_is_gone(tmp_path: Path, merged: Path, shop: Inventory) -> None:
    fewer = replace(shop, services=tuple(replace(one, calls=()) for one in shop.services if one.owner == "payments"))
    pack = tmp_path / "fewer.yaml"
    pack.write_bytes(to_yaml(configuration_file(configured(fewer))))
    found = yaml.safe_load(merge(merged, pack)[0].read_text())
    assert len(found["route"]["routes"]) == 2
    assert len(found["inhibit_rules"]) == 1 + 4


def test_amtool_says_what_the_instructions_say(amtool: Amtool, merged: Path) -> None:
    assert amtool.check_config(merged).returncode == 0
    tests = re.findall(r"^amtool config routes test --config.file=merged.yaml (.*?) +# (.*)$", TEXT, re.MULTILINE)
    assert len(tests) == 2
    for labels, receiver in tests:
        pairs = dict(pair.split("=") for pair in labels.split())
        assert amtool.routes_test(merged, pairs).stdout.strip() == receiver
    assert amtool.routes_test(merged, {"team": "dba"}).stdout.strip() == "dba"
    assert amtool.routes_test(merged, {"team": "payments"}).stdout.strip() == "everyone"


def test_amtool_takes_the_receivers_of_the_instructions(amtool: Amtool, tmp_path: Path, pack: Path) -> None:
    own = tmp_path / "own.yaml"
    receivers = [*OWN["receivers"][:2], *yaml.safe_load(block("yaml"))["receivers"]]
    own.write_text(yaml.safe_dump({**OWN, "receivers": receivers}))
    checked = amtool.check_config(merge(own, pack)[0])
    assert checked.returncode == 0, checked.stderr
