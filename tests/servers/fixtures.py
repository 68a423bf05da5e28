"""The servers as pytest fixtures; `tests/conftest.py` loads them as a plugin.

A server starts with the first test that asks for it and ends with the session, once for each process of a
parallel run. Without the server's binary such a test is skipped; with OBSERVE_REQUIRE_SERVERS=1 it fails, so
that a run that is meant to be complete cannot pass by skipping.
"""

from __future__ import annotations

import os
import uuid
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.alertmanager_server import AlertmanagerServer, Amtool, Receiver
from tests.servers.grafana_server import GrafanaServer
from tests.servers.helm import Helm
from tests.servers.install import SERVERS
from tests.servers.istioctl import Istioctl
from tests.servers.istiod import Istiod
from tests.servers.kubernetes_api import KubernetesApi
from tests.servers.prometheus_server import PrometheusServer, Promtool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.servers.alertmanager_server import Start


def require(name: str) -> None:
    """End the running test here, skipped or failed, unless the server `name` is installed."""
    if SERVERS[name].missing():
        reason = f"{name} is not installed; run make servers"
        if os.environ.get("OBSERVE_REQUIRE_SERVERS") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def require_kubernetes() -> None:
    for name in ("etcd", "kubernetes", "crds"):
        require(name)


@pytest.fixture(scope="session")
def kubernetes_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesApi]:
    """Shared by all tests: take a `namespace`, and leave what is outside of namespaces as it was."""
    require_kubernetes()
    with KubernetesApi(tmp_path_factory.mktemp("kubernetes")) as server:
        yield server


@pytest.fixture
def namespace(kubernetes_api: KubernetesApi) -> str:
    """The name of a new namespace. It stays: nothing here could finish deleting it."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    kubernetes_api.create_namespace(name)
    return name


@pytest.fixture(scope="session")
def mesh_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesApi]:
    """The API server of `istiod`, which judges what is written here; `kubernetes_api` has none."""
    require("istio")
    require_kubernetes()
    with KubernetesApi(tmp_path_factory.mktemp("mesh")) as server:
        yield server


@pytest.fixture(scope="session")
def istiod(mesh_api: KubernetesApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Istiod]:
    """Shared by all tests: what one writes to other namespaces than its own, proxies of the next one get too."""
    with Istiod(tmp_path_factory.mktemp("istiod"), mesh_api) as server:
        yield server


@pytest.fixture
def mesh_namespace(mesh_api: KubernetesApi) -> str:
    """The name of a new namespace in `mesh_api`. It stays, with all that is in it, and other proxies hear of it."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    mesh_api.create_namespace(name)
    return name


@pytest.fixture(scope="session")
def grafana_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GrafanaServer]:
    """Shared by all tests, with what earlier ones left in it; `grafana` is the same server, emptied."""
    require("grafana")
    with GrafanaServer(tmp_path_factory.mktemp("grafana")) as server:
        yield server


@pytest.fixture
def grafana(grafana_server: GrafanaServer) -> GrafanaServer:
    """Emptied before the test, not after it: what a failed test leaves can be looked at."""
    grafana_server.reset()
    return grafana_server


@pytest.fixture(scope="session")
def prometheus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """Without rules and samples, for the language alone; a test with data starts a server of its own."""
    require("prometheus")
    with PrometheusServer(tmp_path_factory.mktemp("prometheus")) as server:
        yield server


@pytest.fixture(scope="session")
def promtool() -> Promtool:
    require("prometheus")
    return Promtool()


@pytest.fixture(scope="session")
def amtool() -> Amtool:
    require("alertmanager")
    return Amtool()


@pytest.fixture
def alertmanager(tmp_path: Path) -> Start:
    """`alertmanager(config)`: a server with this configuration, and a receiver of all its notifications.

    One for each configuration: Alertmanager's answer to an alert depends on all that it heard before.
    """
    require("alertmanager")

    @contextmanager
    def started(config: Mapping[str, Any]) -> Iterator[tuple[AlertmanagerServer, Receiver]]:
        with ExitStack() as stack:
            receiver = stack.enter_context(Receiver())
            folder = tmp_path / f"alertmanager-{uuid.uuid4().hex[:12]}"
            yield stack.enter_context(AlertmanagerServer(folder, receiver.listening(config))), receiver

    return started


@pytest.fixture(scope="session")
def istioctl() -> Istioctl:
    require("istio")
    return Istioctl()


@pytest.fixture(scope="session")
def helm() -> Helm:
    """It renders the charts that come with Istio's source, so both must be there."""
    require("istio")
    require("helm")
    return Helm()
