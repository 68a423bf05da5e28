"""The documentation says what is so: captures, links, commands and tables are compared with the program."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from observe import checks, policy
from observe.alerting import HOLD
from observe.boards import boards
from observe.cli.program import program
from observe.graph import Graph
from observe.model import format_duration
from observe.signals import catalogue
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Inventory

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def blocks(page: Path) -> list[str]:
    """The fenced blocks of a page."""
    return re.findall(r"^```[a-z]*\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist_with_these_options(page: Path) -> None:
    for block in blocks(page):
        for line in block.splitlines():
            words = shlex.split(line.split("#")[0]) if line.lstrip("$ ").startswith("observe ") else []
            if words:
                words = words[words.index("observe") + 1 :]
                command = program.get_command(click.Context(program), words[0])
                assert command is not None, line
                command.make_context(words[0], words[1:])


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for block in (*blocks(page), *re.findall(r"`(make [^`]*)`", page.read_text(encoding="utf-8"))):
            for words in re.findall(r"^make ((?:[a-z]+ ?)+)", block, re.MULTILINE):
                assert set(words.split()) <= targets, (page.name, words)


def test_the_captured_run_is_a_real_one(tmp_path: Path) -> None:
    capture = next(block for block in blocks(ROOT / "README.md") if block.startswith("severity"))
    done = subprocess.run(
        [sys.executable, "-m", "observe", "publish", "-i", "examples/shop", "--output", str(tmp_path / "demo")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert capture.startswith(done.stderr)


def test_the_explanation_is_a_real_one() -> None:
    told = next(block for block in blocks(ROOT / "README.md") if block.startswith("  spec."))
    command = ["explain", "istio/orders/order-service", "-i", "examples/shop"]
    done = subprocess.run(
        [sys.executable, "-m", "observe", *command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told in done.stdout


def test_the_table_of_roles_is_the_policy() -> None:
    text = (ROOT / "docs" / "istio.md").read_text(encoding="utf-8")
    for role, defaults in policy.ROLES.items():
        timeout = format_duration(defaults.timeout).replace("s", " s")
        assert f"| `{role}` | {timeout} | {defaults.attempts} |" in text


def test_the_table_of_alerts_is_complete() -> None:
    text = (ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8")
    for alert, hold in HOLD.items():
        assert re.search(rf"^\| {alert} \|.*\| {format_duration(hold).replace('m', ' min')} \|", text, re.MULTILINE)


def test_the_queries_of_dashboards_are_counted_right(shop: Inventory) -> None:
    """Those that Grafana asks when a dashboard is opened; of the services' the one that asks most."""
    counted: dict[str, int] = {}
    for board in boards(shop, Graph(shop), catalogue(shop)):
        kind = board.tags[-1]
        counted[kind] = max(counted.get(kind, 0), board.queries_on_load)
    text = (ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8")
    table = text.split("## Dashboards")[1].split("\n## ")[0]
    said = [int(number) for number in re.findall(r"\| (?:up to )?([0-9]+) \|$", table, re.MULTILINE)]
    order = ("overview", "resilience", "mtls", "ingress", "control-plane", "migration", "service")
    assert said == [counted[kind] for kind in order]


FACTS = [
    line for line in (ROOT / "docs" / "facts.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")
]


def test_every_fact_is_held_by_a_test_or_a_check() -> None:
    rows = [line for line in FACTS if "what is so" not in line]
    assert len([row for row in rows if re.match(r"\| [0-9]+ \|", row)]) == 20
    for row in rows:
        held = row.rstrip("| ").rpartition(" | ")[2]
        assert re.search(r"OBS[0-9]{3}|::test_", held), row


def test_tests_and_checks_that_hold_facts_are_there() -> None:
    known = {check.CODE for check in checks.all_checks()}
    for row in FACTS:
        assert set(re.findall(r"OBS[0-9]{3}", row)) <= known, row
        for file, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row):
            assert f"\ndef {name}(" in (ROOT / file).read_text(encoding="utf-8"), (file, name)
