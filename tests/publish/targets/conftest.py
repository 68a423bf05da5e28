"""A pack and a target of its own for each test: the server is shared, and listings are cluster-wide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from observe.clients.kubernetes import KubernetesClient
from observe.publish.targets.cluster import ClusterTarget
from tests.publish.targets.cluster_access import Counting

if TYPE_CHECKING:
    from tests.servers.kubernetes_api import KubernetesApi


@pytest.fixture
def mesh(namespace: str) -> str:
    """A pack of its own for each test, because the server is shared and listings are cluster-wide."""
    return namespace


@pytest.fixture
def counting(kubernetes_api: KubernetesApi) -> Counting:
    return Counting(kubernetes_api.kubeconfig)


@pytest.fixture
def target(counting: Counting, mesh: str) -> ClusterTarget:
    return ClusterTarget(KubernetesClient(counting), mesh=mesh)
