"""What all tests share: the real servers, the example inventory, and the program as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from observe.inventory import load
from observe.pack import Pack, build

if TYPE_CHECKING:
    from observe.model import Inventory

pytest_plugins = ["tests.servers.fixtures"]

# How long an example takes says something about the machine, and nothing about the code.
settings.register_profile("observe", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("observe")

ROOT = Path(__file__).parent.parent
SHOP = ROOT / "examples" / "shop"
EXAMPLES = tuple(sorted((ROOT / "examples").iterdir()))
INVENTORIES = (*map(str, EXAMPLES), str(ROOT / "tests" / "inventories" / "unusual.yaml"))
"""Every inventory that is written by hand and sound."""


@pytest.fixture(scope="session")
def shop() -> Inventory:
    """The 22-service example."""
    return load(str(SHOP))


@pytest.fixture(scope="session")
def shop_pack(shop: Inventory) -> Pack:
    """Everything that is generated from the example."""
    return build(shop)


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def observe(tmp_path: Path) -> Run:
    """`observe(*arguments, stdin=..., **environment)`: a process in `tmp_path`, with nothing of our environment."""

    def run(*arguments: str, stdin: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "observe", *arguments],
            env={**clean, "HOME": str(home), **environment},
            cwd=tmp_path, input=stdin, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip

    return run
