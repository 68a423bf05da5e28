"""What istiod makes of the policies: the filters that sidecars and waypoints get."""

from __future__ import annotations

import shutil
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from observe.inventory import load
from tests.conftest import SHOP
from tests.istio.security.doors import EVERYTHING, Door, door, doors
from tests.istio.security.secured import path, policies, secured, workload
from tests.servers.istiod import Istiod
from tests.servers.processes import accepted
from tests.servers.xds import Proxy, Snapshot, ask, ask_until

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Inventory
    from tests.servers.kubernetes_api import KubernetesApi

ADDRESSES = {"checkout": "192.0.2.51", "tried": "192.0.2.52", "past": "192.0.2.53", "payment-service": "192.0.2.54"}
"""By these istiod finds the services that a proxy belongs to; nothing is sent there."""
NOBODY = ("!", None, "!", "!")
"""What the policy of a namespace that denies by default admits."""


def write(istiod: Istiod, inventory: Inventory, namespace: str, *names: str) -> None:
    """All that is generated for a namespace, and the workloads of some of its services. Then istiod knows it all."""
    made = [one for one in policies(inventory) if one["metadata"]["namespace"] == namespace]
    for name in names:
        made += workload(inventory.by_id[f"{namespace}/{name}"], ADDRESSES[name])
    for manifest in made:
        accepted(istiod.api.apply(path(manifest), manifest))
    istiod.restart()


def inbound(istiod: Istiod, namespace: str, name: str) -> dict[str, Any]:
    """The listener for all that arrives at a service's sidecar."""
    proxy = Proxy(namespace, name, {"app": name}, ip=ADDRESSES[name])
    return ask(istiod, proxy).listeners["virtualInbound"]


@pytest.fixture(scope="module")
def everything(istiod: Istiod) -> str:
    """A namespace with all that the inventory of `secured` leads to."""
    namespace = f"test-{uuid.uuid4().hex[:12]}"
    istiod.api.create_namespace(namespace)
    write(istiod, secured(namespace), namespace, "checkout", "tried", "past")
    return namespace


def test_payment_service_of_the_example(istiod: Istiod, mesh_namespace: str, tmp_path: Path) -> None:
    """Its callers and operations, over mTLS and not in any other way."""
    folder = shutil.copytree(SHOP, tmp_path / "shop")
    services = folder / "services.yaml"
    services.write_text(services.read_text().replace("namespace: payments", f"namespace: {mesh_namespace}"))
    inventory = load(str(folder))
    callers = ("cluster.local/ns/orders/sa/order-service", f"cluster.local/ns/{mesh_namespace}/sa/stripe-webhook")
    operations = (("GET", "/charges/*"), ("POST", "/charges"), ("POST", "/refunds"), ("POST", "/stripe-events"))
    write(istiod, inventory, mesh_namespace, "payment-service")
    assert doors(inbound(istiod, mesh_namespace, "payment-service"), 8080) == (
        Door(
            encrypted=True,
            requests=True,
            admitted=frozenset((caller, 8080, *operation) for caller in callers for operation in operations),
            tried=frozenset(),
        ),
    )


def test_a_service_with_everything(istiod: Istiod, everything: str) -> None:
    """Each port takes what it should; a rule of another port does not take this one's with it."""
    found = inbound(istiod, everything, "checkout")
    cart, sister = f"cluster.local/ns/{everything}/sa/cart", "sister.example.com/ns/sales/sa/desk"
    gateway = "cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account"
    users = ("POST", "/acme.v1.Users/GetUser")
    of_requests = {
        NOBODY,
        (cart, 8080, "GET", "/orders/*"),
        (gateway, 8080, "GET", "/orders/*"),
        ("-", 8080, "POST", "/webhook"),
        ("-", 9102, "GET", "/metrics"),
        *((sister, 8080, *what) for what in (("GET", "/orders/*"), ("GET", "/a//..."), ("POST", "/webhook"))),
        (sister, 9000, *users),
    }
    of_connections = {NOBODY, *((who, 5432, "*", "*") for who in (cart, sister))}
    by_port = {port: doors(found, port) for port in (8080, 9000, 5432, 9102)}
    assert {(one.encrypted, one.requests) for one in by_port[8080]} == {(True, True), (False, True)}
    assert {(one.encrypted, one.requests) for one in by_port[9000]} == {(True, True)}
    assert {(one.encrypted, one.requests) for one in by_port[5432]} == {(True, False)}
    assert {(one.encrypted, one.requests) for one in by_port[9102]} == {
        (encrypted, requests) for encrypted in (True, False) for requests in (True, False)
    }
    every = [one for some in by_port.values() for one in some]
    assert {one.admitted for one in every if one.requests} == {frozenset(of_requests | of_connections)}
    assert {one.admitted for one in every if not one.requests} == {frozenset(of_connections)}
    assert {one.tried for one in every} == {frozenset()}


def test_a_dry_run_counts_and_refuses_nobody(istiod: Istiod, everything: str) -> None:
    """Although the namespace denies by default."""
    (only,) = doors(inbound(istiod, everything, "tried"), 8080)
    assert only.admitted == {NOBODY, EVERYTHING}
    assert only.tried == {(f"cluster.local/ns/{everything}/sa/cart", 8080, "*", "*")}


def test_what_goes_past_the_proxy_is_not_encrypted_by_callers(istiod: Istiod, everything: str) -> None:
    """Port level DISABLE is what tells their proxies; the server's own never sees it."""
    assert {one.encrypted for one in doors(inbound(istiod, everything, "past"), 9000)} == {False}


def test_a_waypoint_gets_the_requests_and_ztunnel_the_rest(
    kubernetes_api: KubernetesApi, namespace: str, tmp_path: Path
) -> None:
    """A waypoint tells its chains apart by the Service's ports, and so the policies' ports are these."""
    inventory = secured(namespace, data_plane="ambient", waypoints=True)
    with Istiod(tmp_path, kubernetes_api, env={"PILOT_ENABLE_AMBIENT": "true"}) as istiod:
        for manifest in (*a_waypoint(namespace), workload(inventory.by_id[f"{namespace}/checkout"], "192.0.2.61")[0]):
            accepted(kubernetes_api.apply(path(manifest), manifest))
        made = [one for one in policies(inventory) if one["metadata"]["namespace"] == namespace]
        for manifest in made:
            accepted(kubernetes_api.apply(path(manifest), manifest))
        proxy = Proxy(namespace, "waypoint-0", WAYPOINT, service_account="waypoint", kind="waypoint")
        snapshot = ask_until(istiod, proxy, is_guarded, "the policy at the waypoint")
        found = {port: chains(snapshot, "checkout")[port] for port in (80, 5432)}
    cart, sister = f"cluster.local/ns/{namespace}/sa/cart", "sister.example.com/ns/sales/sa/desk"
    assert (cart, 80, "GET", "/orders/*") in found[80].admitted
    assert (found[80].requests, found[5432].requests) == (True, False)
    assert found[5432].admitted == {(cart, 5432, "*", "*"), (sister, 5432, "*", "*")}
    assert {port for _, port, _, _ in found[80].admitted} == {80, 9000, 5432}
    assert not {who for who, *_ in found[80].admitted} & {"-", "!"}


WAYPOINT = {"gateway.networking.k8s.io/gateway-name": "waypoint"}


def a_waypoint(namespace: str) -> tuple[dict[str, Any], ...]:
    """The Gateway, with the Service and the pod that a cluster's controllers would make of it."""
    metadata = {"name": "waypoint", "namespace": namespace, "labels": {**WAYPOINT, "istio.io/waypoint-for": "service"}}
    listeners = [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]
    gateway = {"gatewayClassName": "istio-waypoint", "listeners": listeners}
    service = {"selector": WAYPOINT, "ports": [{"name": "mesh", "port": 15008}]}
    entry = {"address": "192.0.2.62", "labels": WAYPOINT, "serviceAccount": "waypoint"}
    labels = {"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": "waypoint"}
    return (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}},
        {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": metadata, "spec": gateway},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service},
        {"apiVersion": "networking.istio.io/v1", "kind": "WorkloadEntry", "metadata": metadata, "spec": entry},
    )


def is_guarded(snapshot: Snapshot) -> bool:
    found = chains(snapshot, "checkout")
    return bool(found) and not any(EVERYTHING in one.admitted for one in found.values())


def chains(snapshot: Snapshot, service: str) -> dict[int, Door]:
    """A service's filter chains in a waypoint, by the port that leads to each."""
    (inner,) = (one for name, one in snapshot.listeners.items() if name == "main_internal")
    named = {chain["name"]: chain for chain in inner["filter_chains"]}
    found = {}
    for address in inner["filter_chain_matcher"]["matcher_tree"]["custom_match"]["typed_config"].get(
        "range_matchers", ()
    ):
        ports = address["on_match"]["matcher"]["matcher_tree"]["exact_match_map"]["map"]
        for port, action in ports.items():
            name = action.get("action", {}).get("name", "")
            if f"|{service}." in name:
                found[int(port)] = door(named[name])
    return found
