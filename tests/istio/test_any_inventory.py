"""Whatever a sound inventory says, the API server takes what follows from it, and every value has its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, assume, given, settings

from observe import checks
from observe.checks import Severity
from observe.graph import Graph
from observe.inventory import InventoryError, parse
from observe.pack import manifests
from observe.provenance import plain
from tests.istio.any_inventory import NAMESPACES, texts
from tests.istio.test_provenance import all_leaves, leads_somewhere
from tests.users_cluster import path_of

if TYPE_CHECKING:
    from observe.model import Inventory
    from tests.servers.kubernetes_api import KubernetesApi


def sound(text: str) -> Inventory:
    """The inventory, where neither the loader nor a check finds an error in it."""
    try:
        inventory = parse([("any.yaml", text)])
    except InventoryError:
        assume(False)
        raise
    assume(not any(finding.severity is Severity.ERROR for finding in checks.over_inventory(inventory)))
    return inventory


@given(texts())
def test_every_value_has_a_reason_that_leads_somewhere(text: str) -> None:
    inventory = sound(text)
    for path, leaf in all_leaves(inventory):
        assert leaf.origin is not None, (path, leaf.path)
        assert leaf.origin.why, (path, leaf.path)
        assert leaf.origin.path is None or leads_somewhere(inventory, leaf.origin.path), (path, leaf)


@pytest.fixture(scope="module")
def api(kubernetes_api: KubernetesApi) -> KubernetesApi:
    for name in (*NAMESPACES, "istio-system"):
        if kubernetes_api.request("GET", f"/api/v1/namespaces/{name}").status_code == 404:
            kubernetes_api.create_namespace(name)
    return kubernetes_api


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(text=texts())
def test_the_api_server_takes_every_object(api: KubernetesApi, text: str) -> None:
    """With strict field validation, and without storing anything."""
    inventory = sound(text)
    for _, manifest in manifests(inventory, Graph(inventory)):
        one = plain(manifest)
        done = api.apply(path_of(one), one, params={"fieldValidation": "Strict", "dryRun": "All", "force": "true"})
        assert done.ok, (done.text, one)
