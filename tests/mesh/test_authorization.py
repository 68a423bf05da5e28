"""What generated policies do to real requests: operations, plaintext, and a dry run where all else is denied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest

from observe.model import Call, Endpoint, ExternalCaller, Mtls, Namespace
from observe.model import Port as ServicePort
from tests.istio.security.secured import policies
from tests.mesh.mesh import Mesh
from tests.mesh.workload import HTTP, Port, Workload
from tests.samples import a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Inventory

GRPC = Port(number=9000, target=9000, protocol="grpc")
SERVER = Workload("shop", "server", ports=(Port(), GRPC))
TRIED = Workload("shop", "tried")
CALLER, STRANGER = (Workload("edge", name, ports=()) for name in ("caller", "stranger"))
GET = Endpoint(method="GET", path="/orders/{id}")
HOOK = Endpoint(method="POST", path="/hooks/{id}")
LIST = Endpoint(method="GET", path="/orders")
USERS = Endpoint(grpc="shop.v1.Users/Get")


def inventory() -> Inventory:
    http = ServicePort(name="http", number=HTTP, target_port=8080)
    server = a_service(
        "server",
        ports=(http, ServicePort(name="grpc", number=9000, protocol="grpc")),
        endpoints=(GET, LIST, HOOK, USERS),
        external_callers=(ExternalCaller(name="Payer", via="direct", endpoints=(HOOK,)),),
        mtls=Mtls(mode="PERMISSIVE", ports=(8080,), reason="plain webhooks"),
    )
    tried = a_service("tried", ports=(http,), authorization="dry-run")
    calls = (
        Call(service="shop/server", port=HTTP, endpoints=(GET,)),
        Call(service="shop/server", port=9000),
        Call(service="shop/tried"),
    )
    caller = a_service("caller", namespace="edge", calls=calls)
    return an_inventory(server, tried, caller, mesh=a_mesh(namespaces={"shop": Namespace(default_deny=True)}))


@pytest.fixture(scope="module")
def mesh(mesh_servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:  # noqa: ARG001
    made: list[dict[str, Any]] = [one for one in policies(inventory()) if one["metadata"]["namespace"] == "shop"]
    with Mesh(tmp_path_factory.mktemp("mesh"), (SERVER, TRIED, CALLER, STRANGER), made) as mesh:
        yield mesh


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/orders/17", 200),
        ("GET", "/orders/17?full=yes", 200),
        ("GET", "/orders/17/items", 403),
        ("GET", "/orders/", 403),
        ("POST", "/orders/17", 403),
        pytest.param("GET", "/orders", 403, id="offered, but not what the caller uses"),
        pytest.param("POST", "/hooks/1", 403, id="offered to others"),
    ],
)
def test_a_caller_may_do_what_it_declares(mesh: Mesh, method: str, path: str, status: int) -> None:
    assert mesh.pod("caller").proxy.request(method, SERVER.host, path).status_code == status


def test_grpc_methods_are_told_apart(mesh: Mesh) -> None:
    proxy = mesh.pod("caller").proxy
    assert proxy.call(SERVER.host, "/shop.v1.Users/Get") is grpc.StatusCode.OK
    assert proxy.call(SERVER.host, "/shop.v1.Users/Delete") is grpc.StatusCode.PERMISSION_DENIED


def test_who_declares_nothing_may_do_nothing(mesh: Mesh) -> None:
    assert mesh.pod("stranger").proxy.request("GET", SERVER.host, "/orders/17").status_code == 403


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/hooks/1", 200), ("GET", "/orders/17", 403)])
def test_plaintext_gets_to_the_webhook_and_no_further(mesh: Mesh, method: str, path: str, status: int) -> None:
    assert mesh.pod("server").plain_request(method, path).status_code == status


def test_a_dry_run_refuses_nobody_and_counts_whom_it_would(mesh: Mesh) -> None:
    """In a namespace that denies by default."""
    before = tried(mesh)
    for workload, times in (("caller", 3), ("stranger", 2)):
        for _ in range(times):
            assert mesh.pod(workload).proxy.request("GET", TRIED.host).status_code == 200
    after = tried(mesh)
    assert (after["allowed"] - before["allowed"], after["denied"] - before["denied"]) == (3, 2)


def tried(mesh: Mesh) -> dict[str, float]:
    """What the documentation tells people to watch."""
    stats = mesh.pod("tried").proxy.stats()
    return {
        result: sum(one.value for one in stats.select("envoy_http_rbac", authz_dry_run_result=result))
        for result in ("allowed", "denied")
    }
