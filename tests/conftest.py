"""What all tests share: the real servers, and the example inventory."""

from __future__ import annotations

from pathlib import Path

import pytest

from observe.inventory import load
from observe.model import Inventory

pytest_plugins = ["tests.servers.fixtures"]

ROOT = Path(__file__).parent.parent
SHOP = ROOT / "examples" / "shop"


@pytest.fixture(scope="session")
def shop() -> Inventory:
    """The 22-service example."""
    return load(str(SHOP))


@pytest.fixture(scope="session")
def shop_pack(shop: Inventory) -> "Pack":
    """Everything that is generated from the example."""
    from observe.pack import build
    return build(shop)
