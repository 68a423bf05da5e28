"""What the mesh is told of a workload."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mesh.workload import Port, Replica, Workload, sidecar, sidecar_of

REPLICA = Replica(Workload("shop", "web"), 0, "127.11.12.1", "127.11.12.2", {8080: 20001})
HOSTS = ["./*", "data/users.data.svc.cluster.local"]


def generated(name: str, namespace: str = "shop", selector: str | None = None, **spec: Any) -> dict[str, Any]:
    chosen = {"workloadSelector": {"labels": {"app": selector}}} if selector else {}
    return {"kind": "Sidecar", "metadata": {"name": name, "namespace": namespace}, "spec": {**chosen, **spec}}


@pytest.mark.parametrize(
    ("sidecars", "chosen"),
    [
        ([], None),
        ([generated("other", selector="users")], None),
        ([generated("elsewhere", namespace="data")], None),
        ([generated("default")], "default"),
        ([generated("default"), generated("own", selector="web")], "own"),
        ([generated("own", selector="web"), generated("default")], "own"),
    ],
)
def test_the_sidecar_that_istio_would_choose(sidecars: list[dict[str, Any]], chosen: str | None) -> None:
    found = sidecar_of(REPLICA, sidecars)
    assert (found and found["metadata"]["name"]) == chosen


def test_a_replicas_sidecar_takes_over_what_was_generated() -> None:
    pool = {"http": {"http2MaxRequests": 11}}
    given = generated(
        "web",
        selector="web",
        egress=[{"hosts": HOSTS}],
        inboundConnectionPool=pool,
        outboundTrafficPolicy={"mode": "REGISTRY_ONLY"},
    )
    assert sidecar(REPLICA, given)["spec"] == {
        "workloadSelector": {"labels": {"app": "web", "statefulset.kubernetes.io/pod-name": "web-0"}},
        "ingress": [
            {
                "port": {"number": 8080, "protocol": "HTTP", "name": "http"},
                "bind": "127.11.12.1",
                "captureMode": "NONE",
                "defaultEndpoint": "127.0.0.1:20001",
            }
        ],
        "egress": [{"hosts": HOSTS, "bind": "127.11.12.2", "captureMode": "NONE"}],
        "inboundConnectionPool": pool,
        "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"},
    }


def test_without_a_generated_sidecar_a_replica_sees_everything() -> None:
    assert sidecar(REPLICA)["spec"]["egress"][0]["hosts"] == ["*/*"]


def test_a_port_that_needs_root_is_refused() -> None:
    with pytest.raises(ValueError, match="ports below 1024 need root"):
        Port(number=80)
