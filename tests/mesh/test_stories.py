"""Incidents replayed against what is generated for five services of the example, on real proxies.

The verdict is by counts and states: how often an application was asked, what its caller got, what a proxy
counted. No test compares times.
"""

from __future__ import annotations

import re
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
import requests

from observe.pack import build
from tests.mesh.backends import Answer
from tests.mesh.mesh import Mesh
from tests.mesh.story import STORY, manifests, mesh_config, story, workloads
from tests.mesh.workload import HTTP
from tests.servers.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Inventory
    from observe.pack import Pack
    from tests.mesh.backends import Request

STOCK, ORDERS, CHARGES, WEBHOOK = "/stock/1", "/orders", "/charges", "/webhooks/stripe"
FAILING, HANGING = Answer(status=500), Answer(hold=True)
EJECTED = "envoy_cluster_outlier_detection_ejections_active"
OVERFLOW = ("envoy_cluster_upstream_rq_active_overflow", "envoy_cluster_upstream_rq_pending_overflow")


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return story()


@pytest.fixture(scope="module")
def pack(inventory: Inventory) -> Pack:
    return build(inventory)


@pytest.fixture(scope="module")
def running(
    mesh_servers: None,  # noqa: ARG001
    inventory: Inventory,
    pack: Pack,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Mesh]:
    """The five services, with everything that is generated for them and for Istio's installation; and an intruder."""
    folder = tmp_path_factory.mktemp("stories")
    with Mesh(folder, workloads(inventory), manifests(pack), mesh_config=mesh_config(pack)) as mesh:
        yield mesh


@pytest.fixture
def mesh(running: Mesh) -> Mesh:
    """With sound applications, nobody ejected, and no errors that a proxy would count on from."""
    running.reset()
    wait_until(lambda: not ejected(running), "ejections over", 60)
    pods = running.pods("inventory-service")
    wait_until(lambda: stock(running) == 200 and all(pod.backend.count() for pod in pods), "both replicas sound", 60)
    running.reset()
    return running


def ejected(mesh: Mesh) -> float:
    """How many replicas of inventory-service order-service does not ask now."""
    return mesh.pod("order-service").proxy.stats().value(EJECTED, cluster_name=cluster(mesh, "inventory-service"))


def cluster(mesh: Mesh, name: str) -> str:
    return f"outbound|{HTTP}||{mesh.pods(name)[0].replica.workload.host}"


def stock(mesh: Mesh, method: str = "GET") -> int:
    """What order-service gets from inventory-service."""
    return mesh.request("order-service", method, "inventory-service", STOCK).status_code


def test_a_failing_replica_is_ejected_after_five_errors_and_comes_back(mesh: Mesh) -> None:
    failing, sound = mesh.pods("inventory-service")
    failing.backend.answer = FAILING
    wait_until(lambda: stock(mesh) == 500 and ejected(mesh) == 1, "an ejection", 60)
    assert failing.backend.count() == 5
    assert [stock(mesh) for _ in range(5)] == [200] * 5
    assert (ejected(mesh), failing.backend.count()) == (1, 5)
    failing.backend.reset()
    wait_until(lambda: not ejected(mesh), "the ejection over", 60)
    wait_until(lambda: stock(mesh) == 200 and failing.backend.count() > 0, "the replica asked again", 60)
    assert sound.backend.count()


def test_an_order_is_taken_while_stock_cannot_be_asked(mesh: Mesh) -> None:
    """order-service learns of it in time to answer itself: its own caller does not wait in vain."""

    def take_order(_: Request) -> int:
        return {200: 201, 504: 202}[stock(mesh)]

    mesh.answer("order-service", Answer(status=take_order))
    assert mesh.request("api-gateway", "POST", "order-service", ORDERS).status_code == 201
    mesh.answer("inventory-service", HANGING)
    assert mesh.request("api-gateway", "POST", "order-service", ORDERS).status_code == 202
    assert mesh.count("order-service") == 2


def test_a_lookup_that_hangs_is_tried_again_as_often_as_configured(mesh: Mesh) -> None:
    """Each try has the limit that is set for one try, and then another replica is asked."""
    mesh.answer("inventory-service", HANGING)
    assert stock(mesh) == 504
    seen = [request for pod in mesh.pods("inventory-service") for request in pod.backend.requests]
    assert sorted(request.headers["x-envoy-attempt-count"] for request in seen) == ["1", "2", "3", "4"]


@pytest.mark.parametrize("answer", [Answer(hang_up=True), Answer(status=503)])
def test_what_may_have_been_processed_is_not_sent_twice(mesh: Mesh, answer: Answer) -> None:
    mesh.answer("inventory-service", answer)
    assert stock(mesh, "POST") == 503
    assert mesh.count("inventory-service", "POST") == 1


def test_a_call_is_cut_off_at_its_own_timeout(mesh: Mesh) -> None:
    """The call with the shorter timeout ends first, though it began last; neither POST is sent twice."""
    for name in ("inventory-service", "payment-service"):
        mesh.answer(name, HANGING)
    with ThreadPoolExecutor(2) as pool:
        charge = pool.submit(mesh.request, "order-service", "POST", "payment-service", CHARGES)
        mesh.pod("payment-service").backend.await_requests(1)
        reservation = pool.submit(mesh.request, "order-service", "POST", "inventory-service", STOCK)
        assert wait((charge, reservation), return_when=FIRST_COMPLETED).done == {reservation}
        assert [request.result().status_code for request in (charge, reservation)] == [504, 504]
    assert [mesh.count(name, "POST") for name in ("inventory-service", "payment-service")] == [1, 1]


def test_a_lookup_whose_connection_breaks_off_is_tried_again(mesh: Mesh) -> None:
    """The same break that a POST must not be tried again after."""
    mesh.answer("inventory-service", Answer(hang_up=True))
    assert stock(mesh) == 503
    assert mesh.count("inventory-service", "GET") == 1 + 3


def test_a_replica_that_is_gone_costs_no_request_not_even_a_post(mesh: Mesh) -> None:
    """A connection that was refused has carried nothing, so any method is tried again."""
    gone, sound = mesh.pods("inventory-service")
    proxy, name = mesh.pod("order-service").proxy, cluster(mesh, "inventory-service")
    retries = proxy.stats().value("envoy_cluster_upstream_rq_retry", cluster_name=name)

    def retried() -> bool:
        return proxy.stats().value("envoy_cluster_upstream_rq_retry", cluster_name=name) > retries

    with gone.proxy.stopped():
        wait_until(lambda: stock(mesh, "POST") == 200 and retried(), "a POST tried again", 60)
    assert gone.backend.count() == 0
    assert sound.backend.count() > 0


def test_only_declared_callers_reach_payment_service(mesh: Mesh) -> None:
    """What decides is whose certificate it is, and what is asked for."""
    assert mesh.request("order-service", "POST", "payment-service", CHARGES).status_code == 200
    assert mesh.request("order-service", "GET", "payment-service", f"{CHARGES}/11").status_code == 200
    assert mesh.request("order-service", "DELETE", "payment-service", f"{CHARGES}/11").status_code == 403
    assert mesh.request("intruder", "POST", "payment-service", CHARGES).status_code == 403
    assert mesh.count("payment-service") == 2


@pytest.mark.parametrize("name", STORY)
def test_an_intruder_reaches_no_service(mesh: Mesh, name: str) -> None:
    """Not even the webhook, which takes requests without a certificate: this one has the wrong one."""
    paths = (STOCK, ORDERS, CHARGES, WEBHOOK)
    statuses = {
        mesh.request("intruder", method, name, path).status_code for method in ("GET", "POST") for path in paths
    }
    assert statuses == {403}
    assert mesh.count(name) == 0


def test_stripe_reaches_its_webhook_in_plain_http_and_nothing_else(mesh: Mesh) -> None:
    assert mesh.pod("stripe-webhook").plain_request("POST", WEBHOOK).status_code == 200
    assert mesh.pod("stripe-webhook").plain_request("GET", WEBHOOK).status_code == 403
    assert mesh.pod("stripe-webhook").plain_request("GET", "/events/11").status_code == 403
    assert mesh.count("stripe-webhook") == 1


@pytest.mark.parametrize("name", sorted({*STORY} - {"stripe-webhook"}))
def test_strict_services_refuse_plain_http(mesh: Mesh, name: str) -> None:
    for pod in mesh.pods(name):
        with pytest.raises(requests.ConnectionError):
            pod.plain_request("POST", WEBHOOK)
    assert mesh.count(name) == 0


def test_a_full_breaker_refuses_what_is_beyond_its_limit(mesh: Mesh) -> None:
    """At once, before the application is bothered, and it says so."""
    before = overflows(mesh)
    with charging(mesh, "order-service", 3) as held:
        refused = mesh.request("order-service", "POST", "payment-service", CHARGES)
    assert [request.result().status_code for request in held] == [200] * 3
    assert (refused.status_code, refused.headers["x-envoy-overloaded"]) == (503, "true")
    assert mesh.count("payment-service") == 3
    assert overflows(mesh) == before + 1


def test_the_limit_of_one_caller_is_not_that_of_all(mesh: Mesh) -> None:
    """Istio may apply a DestinationRule's limits also where requests arrive, to all callers together."""
    with charging(mesh, "order-service", 3) as first, charging(mesh, "stripe-webhook", 3) as second:
        assert mesh.count("payment-service") == 6
    assert [request.result().status_code for request in (*first, *second)] == [200] * 6


@contextmanager
def charging(mesh: Mesh, caller: str, count: int) -> Iterator[list[Future[requests.Response]]]:
    """So many charges by a caller, in payment-service's hands while the block runs."""
    backend = mesh.pod("payment-service").backend
    backend.answer = HANGING
    with ThreadPoolExecutor(count) as pool, ExitStack() as stack:
        stack.callback(backend.release)
        already = backend.count()
        held = [pool.submit(mesh.request, caller, "POST", "payment-service", CHARGES) for _ in range(count)]
        backend.await_requests(already + count)
        yield held


def overflows(mesh: Mesh) -> float:
    """How many requests to payment-service were refused by order-service's proxy."""
    stats = mesh.pod("order-service").proxy.stats()
    return sum(stats.value(name, cluster_name=cluster(mesh, "payment-service")) for name in OVERFLOW)


def test_proxies_report_what_rules_and_dashboards_ask_for(mesh: Mesh, pack: Pack) -> None:
    """Every name of Envoy's that is queried, as a proxy with the generated matcher has it. Records have colons."""
    queried = {
        name for artifact in pack.artifacts for name in re.findall(rb"(?<![\w:])envoy_cluster_\w+", artifact.content)
    }
    reported = {
        series.name
        for series in mesh.pod("order-service").proxy.stats().series
        if series.labels.get("cluster_name") == cluster(mesh, "inventory-service")
    }
    assert queried
    assert {name.decode() for name in queried} <= reported
