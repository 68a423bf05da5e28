"""The house's plan, as a test: layers, fences, public names, and what starts fast."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("grafanalib", "kubernetes", "orjson", "pydantic", "requests", "rich", "urllib3", "yaml")


def test_layers_and_fences_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "arguments", [["--help"], ["publish", "--help"], ["prune", "--help"], ["build", "--help"], ["--version"]]
)
def test_help_loads_no_heavy_module(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom observe.cli import main\n"
        f"sys.argv = ['observe', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_every_package_is_shipped() -> None:
    """The list is explicit: a folder that is not on it would be missing from the wheel."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    there = {str(init.parent.relative_to(ROOT)).replace("/", ".") for init in (ROOT / "observe").rglob("__init__.py")}
    examples = {f"observe.examples.{path.name}" for path in (ROOT / "observe" / "examples").iterdir()}
    assert sorted(there | examples) == listed


def test_no_room_is_a_hallway() -> None:
    """Rooms are named for what they hold."""
    names = {path.stem for path in (ROOT / "observe").rglob("*.py")} | {
        path.name for path in (ROOT / "observe").rglob("*/")
    }
    assert not names & {"utils", "util", "helpers", "helper", "common", "misc", "base"}
