"""Everything that is generated is accepted: by the API server, by Istio's webhook, and by Istio's analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from benchmarks import synthetic
from observe.inventory import load, parse
from tests.conftest import INVENTORIES
from tests.istio import envoy
from tests.istio.deployed import Deployed, deployed, istio_manifests
from tests.servers.fixtures import require, require_kubernetes
from tests.servers.processes import accepted
from tests.users_cluster import path_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from observe.model import Inventory
    from tests.servers.istioctl import Istioctl, Message

FLEET = "fleet"
"""187 services in 40 namespaces, one in twenty without a proxy: the size of the fleet that the product is for."""


def inventory_of(source: str) -> Inventory:
    return parse([("fleet.yaml", synthetic.inventory(187, legacy=True))]) if source == FLEET else load(source)


@pytest.fixture(scope="module", params=[*INVENTORIES, FLEET], ids=lambda source: source.rpartition("/")[2])
def mesh(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """To be deployed means to be accepted with strict field validation, and by Istio's own webhook."""
    require("istio")
    require_kubernetes()
    with deployed(inventory_of(request.param), tmp_path_factory.mktemp("mesh")) as found:
        yield found


EVERY_ENVOY_FILTER = "EnvoyFilter exposes internal implementation details"
"""Said of each of them. Faults and rate limits cannot be had without: VirtualServices of one host are not merged, so a
fault in one would be no object of its own, and Istio has no other resource for rate limits.
"""
ACCEPTED: dict[str, Callable[[Deployed, str], bool]] = {
    # The analysis takes every cluster's domain for cluster.local (istio `analyzers/util/constants.go`).
    "IST0174": lambda mesh, _: mesh.inventory.mesh.cluster_domain != "cluster.local",
    # Of a Telemetry it looks at the selector only, and not at targetRefs (istio `analyzers/telemetry/selector.go`).
    "IST0160": lambda mesh, _: mesh.inventory.mesh.data_plane == "ambient",
    "IST0133": lambda _, message: EVERY_ENVOY_FILTER in message,
}
"""What may remain of Istio's analysis, by code: where, and for which reason."""


def test_istios_analysis_finds_nothing_to_warn_of(mesh: Deployed, istioctl: Istioctl) -> None:
    found = istioctl.analyze_cluster(mesh.api.kubeconfig)
    worse = [one for one in found if one.level in ("Warning", "Error")]
    assert [one for one in worse if not is_accepted(mesh, one)] == []


def is_accepted(mesh: Deployed, message: Message) -> bool:
    return message.code in ACCEPTED and ACCEPTED[message.code](mesh, message.message)


def test_istios_validation_finds_nothing_to_warn_of(mesh: Deployed, istioctl: Istioctl, tmp_path: Path) -> None:
    everything = tmp_path / "istio.yaml"
    everything.write_text(yaml.safe_dump_all(istio_manifests(mesh.inventory)))
    done = istioctl.validate([everything])
    assert done.returncode == 0, done.stdout + done.stderr
    warnings = [line for line in (done.stdout + done.stderr).splitlines() if line.lstrip().startswith("*")]
    assert [line for line in warnings if EVERY_ENVOY_FILTER not in line] == []


def test_every_proxy_gets_a_configuration(mesh: Deployed) -> None:
    for service in mesh.inventory.in_mesh[:20]:
        snapshot = mesh.seen_by(service.name)
        assert snapshot.clusters
        assert snapshot.listeners


@pytest.mark.parametrize("mesh", [FLEET], indirect=True, ids=[FLEET])
def test_declared_scopes_spare_a_large_fleet_most_of_its_configuration(mesh: Deployed) -> None:
    """What a sidecar gets with its Sidecar resource, against what it gets without."""
    names = [service.name for service in mesh.inventory.in_mesh[::10]]
    scoped = {name: mesh.seen_by(name) for name in names}
    for one in istio_manifests(mesh.inventory):
        if one["kind"] == "Sidecar":
            accepted(mesh.api.request("DELETE", path_of(one)))
    mesh.istiod.restart()
    whole = {name: mesh.seen_by(name) for name in names}
    clusters = sum(len(scoped[name].clusters) for name in names) / sum(len(whole[name].clusters) for name in names)
    size = sum(sum(scoped[name].size.values()) for name in names) / sum(
        sum(whole[name].size.values()) for name in names
    )
    assert clusters < 0.1
    assert size < 0.2
    for name in names:
        assert envoy.outbound(scoped[name]) < envoy.outbound(whole[name])
