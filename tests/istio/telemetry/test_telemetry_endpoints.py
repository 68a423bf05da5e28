"""The Telemetry that names operations: whose requests, and of which metric."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from observe.istio.telemetry.endpoint_expression import MOST_OPERATIONS, endpoint_expression
from observe.istio.telemetry.telemetry_endpoints import endpoint_telemetry
from observe.model import Endpoint, Inventory, Mesh, Namespace, Service
from observe.provenance import Leaf, leaves, plain
from tests.samples import GRPC, TCP, a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.istioctl import Istioctl

GET = Endpoint(method="GET", path="/orders/{id}")
POST = Endpoint(method="POST", path="/orders")
METHOD = Endpoint(grpc="shop.orders.v1.Orders/Get")
AMBIENT = a_mesh(data_plane="ambient", waypoints=True)


def made(*services: Service, mesh: Mesh | None = None) -> list[dict[str, Any] | None]:
    """What each of the services gets, in the order of their names."""
    inventory = an_inventory(*services, mesh=mesh)
    return [plain(endpoint_telemetry(inventory, service)) for service in inventory.services]


def expression(telemetry: dict[str, Any] | None) -> str:
    assert telemetry
    (metrics,) = telemetry["spec"]["metrics"]
    (override,) = metrics["overrides"]
    text: str = override["tagOverrides"]["request_endpoint"]["value"]
    return text


def test_the_count_of_requests_as_the_callee_reports_it_gets_the_label() -> None:
    (telemetry,) = made(a_service("orders", endpoints=(GET, POST)))
    assert telemetry
    assert (telemetry["apiVersion"], telemetry["kind"]) == ("telemetry.istio.io/v1", "Telemetry")
    assert telemetry["spec"] == {
        "selector": {"matchLabels": {"app": "orders"}},
        "metrics": [
            {
                "overrides": [
                    {
                        "match": {"metric": "REQUEST_COUNT", "mode": "SERVER"},
                        "tagOverrides": {
                            "request_endpoint": {"operation": "UPSERT", "value": endpoint_expression((GET, POST))}
                        },
                    }
                ]
            }
        ],
    }


@pytest.mark.parametrize(
    "service",
    [
        a_service(),
        a_service(endpoints=(GET,), in_mesh=False),
        a_service(endpoints=(GET,), ports=(TCP,)),
    ],
)
def test_without_operations_a_proxy_or_requests_there_is_nothing_to_name(service: Service) -> None:
    assert made(service) == [None]


def test_services_that_stand_for_the_same_pods_share_one() -> None:
    """Istio warns of several for one workload (IST0159); the values of one of them would be lost."""
    first = a_service("a", labels={"app": "orders"})
    second = a_service("b", labels={"app": "orders"}, endpoints=(GET,))
    third = a_service("c", labels={"app": "orders"}, ports=(GRPC,), endpoints=(METHOD,))
    found = made(first, second, third)
    assert found[1:] == [None, None]
    assert expression(found[0]) == endpoint_expression((GET, METHOD))


def test_waypoints_are_told_by_service() -> None:
    """They pay no attention to selectors, and know the services apart that pods share."""
    services = [a_service(name, labels={"app": "orders"}, endpoints=(GET,)) for name in ("a", "b")]
    found = made(*services, mesh=AMBIENT)
    refs = [telemetry["spec"]["targetRefs"] for telemetry in found if telemetry]
    assert refs == [[{"group": "", "kind": "Service", "name": name}] for name in ("a", "b")]
    assert not any("selector" in telemetry["spec"] for telemetry in found if telemetry)


def test_without_a_waypoint_nothing_in_an_ambient_mesh_sees_requests() -> None:
    mesh = a_mesh(data_plane="ambient", waypoints=True, namespaces={"shop": Namespace(waypoint=False)})
    assert made(a_service(endpoints=(GET,)), mesh=mesh) == [None]


def origin(inventory: Inventory) -> str:
    telemetry = endpoint_telemetry(inventory, inventory.services[0])
    named = [leaf for leaf in leaves(telemetry) if leaf.path[-1] == "value"]
    (leaf,) = named
    assert isinstance(leaf, Leaf)
    assert leaf.origin
    assert leaf.origin.path == ("services", "checkout", "endpoints")
    return leaf.origin.why


@pytest.mark.parametrize(
    ("operations", "bound"),
    [
        (2, "2 operations, so 4 values at most"),
        (MOST_OPERATIONS + 3, f"the first {MOST_OPERATIONS} of {MOST_OPERATIONS + 3} operations, so 26 values at most"),
    ],
)
def test_the_origin_says_how_many_values_the_label_may_have(operations: int, bound: str) -> None:
    endpoints = tuple(Endpoint(method="GET", path=f"/{number}") for number in range(operations))
    assert origin(an_inventory(a_service(endpoints=endpoints))).startswith(bound)


@pytest.mark.parametrize("mesh", [a_mesh(), AMBIENT], ids=["sidecar", "ambient"])
def test_istio_accepts_it(mesh: Mesh, istioctl: Istioctl, tmp_path: Path) -> None:
    services = [a_service("a", endpoints=(GET, METHOD)), a_service("b", labels={"app": "a"}, endpoints=(POST,))]
    manifests = [telemetry for telemetry in made(*services, mesh=mesh) if telemetry]
    files = [tmp_path / f"{number}.yaml" for number in range(len(manifests))]
    for file, manifest in zip(files, manifests, strict=True):
        file.write_text(json.dumps(manifest))
    done = istioctl.validate(files)
    assert done.returncode == 0, done.stdout + done.stderr
    found = istioctl.analyze(files)
    assert found.returncode == 0 or codes(found.stdout) == TAKEN_FOR_WHOLE_NAMESPACES


TAKEN_FOR_WHOLE_NAMESPACES = {"IST0160"}
"""The analysis looks for `selector` alone (istio `analyzers/telemetry/default_selector.go`), so it takes what has
`targetRefs` for the whole namespace's; istiod does not (`namespaceWideTelemetryConfig`)."""


def codes(said: str) -> set[str]:
    return set(re.findall(r"IST[0-9]{4}", said))
