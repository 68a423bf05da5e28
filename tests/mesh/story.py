"""The example's five services that the stories are about, as an inventory and as what runs in a mesh."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import yaml

from observe.artifact import Kind
from observe.inventory import load
from observe.model import Breaker, Call, Retries
from tests.conftest import SHOP
from tests.mesh.workload import HTTP, Port, Workload

if TYPE_CHECKING:
    from observe.model import Inventory, Service
    from observe.pack import Pack

STORY = ("api-gateway", "order-service", "inventory-service", "payment-service", "stripe-webhook")
REPLICAS = {"inventory-service": 2}
INTRUDER = Workload("lobby", "intruder", ports=())
"""Has a certificate of the mesh, and nobody declared it. No Sidecar hides services from it."""
BREAKERS = {
    "inventory-service": Breaker(consecutive_5xx=5, interval=500, base_ejection_time=2_000, max_ejection_percent=50),
    "payment-service": Breaker(max_requests=3),
}
"""Ejections that a test can wait for, and a limit that it can reach."""
CALLS = {
    call.service: call
    for call in (
        Call(service="catalog/inventory-service", timeout=4_000, retries=Retries(attempts=3, per_try_timeout=600)),
        Call(service="payments/payment-service", timeout=6_000),
    )
}
"""How order-service calls them. Four tries fit into the first timeout, also on a busy machine."""


def story() -> Inventory:
    shop = load(str(SHOP))
    return replace(shop, services=tuple(adapted(service) for service in shop.services if service.name in STORY))


def adapted(service: Service) -> Service:
    """A service of the example, on ports that a test may use, in the smaller company of this story.

    Without its hosts outside the cluster: a proxy would look up their addresses.
    """
    calls = [call for call in service.calls if call.service.rpartition("/")[2] in STORY]
    return replace(
        service,
        external_hosts=(),
        calls=tuple(CALLS.get(call.service, call) if service.name == "order-service" else call for call in calls),
        ports=tuple(replace(port, number=HTTP) for port in service.ports),
        breaker=BREAKERS.get(service.name, service.breaker),
        replicas=REPLICAS.get(service.name, service.replicas),
    )


def workloads(inventory: Inventory) -> list[Workload]:
    """What runs of it: fewer replicas than in the example, and the intruder."""
    return [INTRUDER, *(workload(service) for service in inventory.services)]


def workload(service: Service) -> Workload:
    ports = tuple(Port(port.number, port.container_port, port.protocol) for port in service.ports)
    return Workload(service.namespace, service.name, ports, REPLICAS.get(service.name, 1))


def manifests(pack: Pack) -> list[dict[str, Any]]:
    """All objects of Istio in the pack."""
    objects = [yaml.safe_load(one.content) for one in pack.artifacts if one.kind is Kind.MANIFEST]
    return [manifest for manifest in objects if ".istio.io/" in manifest["apiVersion"]]


def mesh_config(pack: Pack) -> dict[str, Any]:
    """What the pack's input of Istio's installer says of the mesh."""
    inputs = [yaml.safe_load(one.content) for one in pack.artifacts if one.kind is Kind.INSTALL]
    (overlay,) = [content for content in inputs if content.get("kind") == "IstioOperator"]
    found: dict[str, Any] = overlay["spec"]["meshConfig"]
    return found
