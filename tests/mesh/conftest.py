"""What a mesh takes."""

from __future__ import annotations

import sys

import pytest

from tests.servers.fixtures import require


@pytest.fixture(scope="session")
def mesh_servers() -> None:
    """All that a mesh is made of is there; else the test is skipped, or fails where servers are required."""
    for name in ("etcd", "kubernetes", "crds", "istio", "envoy"):
        require(name)
    if sys.platform != "linux":
        pytest.skip("each replica has a loopback address of its own, which Linux has without being asked")
