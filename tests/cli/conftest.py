"""Running the program as a user does: a process of its own, with nothing of our environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def observe(tmp_path: Path) -> Run:
    """`observe(*arguments, cwd=..., stdin=..., **environment)`."""

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


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """An inventory of two services in a file."""
    path = tmp_path / "inventory.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


SMALL = """\
mesh:
  name: acme
  istio_version: "1.30"
  runbook_base_url: https://runbooks.example.com
  grafana: {folder: Acme, url: https://grafana.example.com}
defaults: {namespace: shop, owner: team-a, tier: high, injection: explicit}
services:
  cart:
    role: sync
    service_account: cart
    ports: [{name: http, number: 80}]
    calls: [{service: stock}]
  stock:
    role: data
    service_account: stock
    ports: [{name: grpc, number: 9000, protocol: grpc}]
"""
