"""A small inventory, to be changed by the tests of the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


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
