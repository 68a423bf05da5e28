"""Publishing to the API server of the tests, and looking at what came of it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from observe.clients.kube_login import Answer, connect
from observe.publish.apply import apply
from observe.publish.plan import plan
from observe.publish.targets.kinds import KINDS
from tests.clients.stand_in import HASTE
from tests.publish.samples import (
    one_of_each,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from observe.artifact import Artifact
    from observe.publish.report import Report
    from observe.publish.targets.cluster import ClusterTarget
    from tests.servers.kubernetes_api import KubernetesApi

VIRTUAL_SERVICES = "/apis/networking.istio.io/v1/namespaces/{}/virtualservices"


class Counting:
    """Carries requests to the real server and keeps a list of them."""

    def __init__(self, kubeconfig: Path) -> None:
        self._transport = connect({"KUBECONFIG": str(kubeconfig)}, pace=HASTE)
        self.sent: list[tuple[str, str]] = []
        """Method and the path's last part of each."""
        self.asked: list[str] = []
        """Method, whole path and the names of the parameters of each."""
        self._lock = threading.Lock()

    @property
    def server(self) -> str:
        return self._transport.server

    def request(
        self, method: str, path: str, params: Mapping[str, str], headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        with self._lock:
            self.sent.append((method, path.rpartition("/")[2]))
            self.asked.append(f"{method} {path} {' '.join(params)}")
        return self._transport.request(method, path, params, headers, body)

    def close(self) -> None:
        self._transport.close()

    def clear(self) -> None:
        self.sent.clear()
        self.asked.clear()

    @property
    def writes(self) -> list[str]:
        """The plural of each kind that was written, in order."""
        return [asked.split("/")[-2] for asked in self.asked if not asked.startswith("GET")]


def pack(namespace: str) -> tuple[Artifact, ...]:
    return one_of_each(namespace, mesh=namespace)


def publish(target: ClusterTarget, artifacts: Sequence[Artifact], *, prune: bool = False) -> Report:
    return apply(plan(target, artifacts, target.list(artifacts), prune=prune), target)


def live(api: KubernetesApi, namespace: str, name: str = "web") -> Any:
    answer = api.request("GET", f"{VIRTUAL_SERVICES.format(namespace)}/{name}")
    return answer.json() if answer.ok else None


def revisions(api: KubernetesApi, namespace: str) -> dict[str, str]:
    """The resourceVersion of every object in the namespace, by kind; one of a kind."""
    found = {}
    for resource in KINDS:
        for item in api.request("GET", resource.path(namespace)).json()["items"]:
            found[resource.kind] = item["metadata"]["resourceVersion"]
    return found


def in_order(api: KubernetesApi, namespace: str) -> list[str]:
    """Every object in the namespace, by its last write."""
    found = []
    for resource in KINDS:
        for item in api.request("GET", resource.path(namespace)).json()["items"]:
            name, revision = item["metadata"]["name"], int(item["metadata"]["resourceVersion"])
            found.append((revision, f"{resource.kind} {resource.group} {name}"))
    return [said for _, said in sorted(found)]


def reasons(report: Report) -> list[str]:
    return [outcome.reason for outcome in report.outcomes if outcome.reason]
