"""`observe drill` as a user runs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from observe.simulation import INCIDENTS
from tests.cli.conftest import SMALL
from tests.conftest import ROOT, SHOP
from tests.servers.prometheus_server import binary

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run


@pytest.fixture
def program(promtool: object) -> str:  # noqa: ARG001 - skips where Prometheus is not installed
    return str(binary("promtool"))


@pytest.mark.usefixtures("small")
def test_the_list_says_what_could_happen_to_whom(observe: Run) -> None:
    done = observe("drill", "--list", "--format", "json")
    assert done.returncode == 0, done.stderr
    listed = {one["name"]: one["here"] for one in json.loads(done.stdout)}
    assert listed.keys() == INCIDENTS.keys()
    assert "stock" in listed["leaf-database"]


def test_what_cannot_happen_is_listed_with_the_reason(observe: Run, small: Path) -> None:
    small.write_text(
        SMALL.replace("  name: acme", "  name: acme\n  data_plane: ambient").replace("injection: explicit", "")
    )
    done = observe("drill", "--list")
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("injection-failing"))
    assert "impossible here: an ambient mesh injects no sidecars" in line


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give one INCIDENT, --all, or --list to see what there is"),
        (("errors", "--all"), "give one INCIDENT, --all, or --list"),
        (("--all", "--minutes", "5"), "--service and --minutes belong to one INCIDENT"),
        (("erors",), "there is no incident erors; take one of errors, "),
        (("errors", "--service", "shop/stok"), "there is no service shop/stok; did you mean shop/stock?"),
        (("errors", "--promtool", "/nowhere/promtool"), "there is no program /nowhere/promtool; it comes with"),
    ],
)  # fmt: skip
def test_wrong_usage_is_told(observe: Run, arguments: tuple[str, ...], message: str) -> None:
    done = observe("drill", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"observe: {message}")


@pytest.mark.usefixtures("small")
def test_a_drill_tells_of_alerts_and_pages(observe: Run, program: str) -> None:
    done = observe("drill", "control-plane-down", "--promtool", program)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Every istiod is out of memory and restarts in a loop.",
        "",
        "alerts:",
        "fires after  resolved after  times  severity  alert             about",
        "3m           0s              1      critical  ControlPlaneDown  the mesh",
        "",
        "pages:",
        "after  team      about     alerts",
        "3m45s  platform  the mesh  ControlPlaneDown",
        "",
        "usual rules:",
        "fires after  resolved after  times  severity  alert             about",
        "-9m30s       still fires     1      warning   MTLSCoverageDrop  the mesh",
        "",
        "The first page said:",
        *done.stdout.splitlines()[15:17],
        "",
        "First page after 3m45s. Pages: 1 (platform 1); without inhibition 1 (platform 1). Times are within 30 s.",
    ]
    assert done.stdout.splitlines()[15].startswith("acme: no istiod answers Prometheus")


@pytest.mark.usefixtures("small")
def test_a_drill_as_data(observe: Run, program: str) -> None:
    done = observe("drill", "control-plane-down", "--format", "json", OBSERVE_PROMTOOL=program)
    (outcome,) = json.loads(done.stdout)
    assert outcome["incident"] == "control-plane-down"
    assert (outcome["passed"], outcome["missing"], outcome["unexpected_pages"]) == (True, [], [])
    assert (outcome["first_critical_after"], outcome["paged_after"], outcome["resolution"]) == (180, 225, 30)
    (alert,) = outcome["alerts"]
    assert (alert["labels"]["alertname"], alert["fired_after"], alert["resolved_after"]) == (
        "ControlPlaneDown",
        180,
        0,
    )
    (page,) = outcome["notifications"]["pages"]
    assert page == {"after": 225, "team": "platform", "service": None, "alerts": ["ControlPlaneDown"]}


@pytest.mark.usefixtures("small")
def test_the_tables_go_into_a_page_that_has_a_place_for_them(observe: Run, program: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    places = "".join(
        f"<!-- {part}: written by observe drill -->\n<!-- {part}: end -->\n" for part in ("pages", "alerts")
    )
    page.write_text(f"# Drills\n{places}Done.\n")
    done = observe("drill", "control-plane-down", "--write", "page.md", OBSERVE_PROMTOOL=program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    text = page.read_text()
    assert "| `control-plane-down` | Every istiod is out of memory and restarts in a loop. | 3m45s: " in text
    assert text.startswith("# Drills\n")
    assert text.endswith("Done.\n")


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("content", [None, "# Drills\n"])
def test_a_page_without_a_place_stays_as_it_is(observe: Run, program: str, tmp_path: Path, content: str | None) -> None:
    page = tmp_path / "page.md"
    if content is not None:
        page.write_text(content)
    done = observe("drill", "control-plane-down", "--write", "page.md", OBSERVE_PROMTOOL=program)
    assert done.returncode == 2
    assert "the page has no place for pages" in done.stderr or "there is no page page.md" in done.stderr
    assert (page.read_text() if page.exists() else None) == content


def test_an_expected_alert_that_does_not_fire_makes_the_exit_code_1(observe: Run, small: Path, tmp_path: Path) -> None:
    """A promtool in whose report nothing fires."""
    small.write_text(SMALL)
    blind = tmp_path / "promtool"
    blind.write_text("#!/bin/sh\necho 'promtool, version 3.0.0 (branch: )'\n")
    blind.chmod(0o755)
    done = observe("drill", "control-plane-down", OBSERVE_PROMTOOL=str(blind))
    assert done.returncode == 1
    assert done.stderr == "observe: control-plane-down: ControlPlaneDown of the mesh was expected and did not fire\n"
    assert "Nobody is paged." in done.stdout


@pytest.mark.slow
def test_the_page_of_drills_is_what_the_program_writes(observe: Run, program: str, tmp_path: Path) -> None:
    """Stale: run make drills."""
    committed = (ROOT / "docs" / "drills.md").read_text(encoding="utf-8")
    page = tmp_path / "drills.md"
    page.write_text(committed, encoding="utf-8")
    done = observe("drill", "--all", "-i", str(SHOP), "--write", "drills.md", OBSERVE_PROMTOOL=program)
    assert page.read_text(encoding="utf-8") == committed
    assert done.returncode == 0, done.stderr
