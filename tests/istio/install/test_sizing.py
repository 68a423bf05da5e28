"""The arithmetic, with numbers that somebody can check on paper."""

from __future__ import annotations

import pytest

from observe.istio.install import sizing
from observe.istio.install.sizing import Fleet, View
from observe.model import Call, ExternalCaller, ExternalHost, Port, Service, Version
from tests.samples import HTTP, a_mesh, a_service, an_inventory

ADMIN = Port(name="http-admin", number=8081)


def fleet(*services: Service, **mesh: object) -> Fleet:
    return Fleet(an_inventory(*services, mesh=a_mesh(**mesh)))


def of_size(services: int, replicas: int, **mesh: object) -> Fleet:
    return fleet(*(a_service(f"service-{number:04}", replicas=replicas) for number in range(services)), **mesh)


@pytest.mark.parametrize(
    ("service", "view"),
    [
        (a_service(replicas=3), View(1, 3)),
        (a_service(replicas=3, ports=(HTTP, ADMIN)), View(2, 6)),
        (
            a_service(
                replicas=5, versions=(Version(name="v1", weight=100, replicas=4), Version(name="v2", replicas=1))
            ),
            View(3, 10),
        ),
        (a_service(replicas=5, versions=(Version(name="v1", weight=100),)), View(2, 10)),
    ],
)
def test_a_service_is_a_cluster_for_each_port_and_for_each_version_there(service: Service, view: View) -> None:
    assert sizing.as_seen(service) == view


CALLER = a_service(
    "caller",
    calls=(Call(service="shop/a"), Call(service="shop/b", port=80), Call(service="shop/b", port=8081)),
    external_hosts=(ExternalHost(host="api.example.com"),),
)
CALLEES = (
    a_service("a", replicas=11),
    a_service("b", replicas=12, ports=(HTTP, ADMIN)),
    a_service("c", replicas=13),
)


def test_with_declared_scopes_a_proxy_knows_what_its_service_calls() -> None:
    """Each callee once, however often it is called, and a host outside with one address."""
    assert fleet(CALLER, *CALLEES).view(CALLER) == View(1 + 2 + 1, 11 + 24 + 1)


def test_without_scopes_it_knows_everything() -> None:
    assert fleet(CALLER, *CALLEES, egress_scope="off").view(CALLER) == View(1 + 1 + 2 + 1, 3 + 11 + 24 + 13)


MEASURED = {
    View(0, 0): 108_356,
    View(500, 500): 161_912,
    View(500, 1_500): 169_148,
    View(500, 5_000): 194_360,
    View(1_500, 4_500): 295_420,
}
"""KiB of resident memory of Envoy and its agent together."""


@pytest.mark.parametrize("view", MEASURED)
def test_memory_of_proxies_is_what_was_measured(view: View) -> None:
    assert sizing.proxy_memory(view) == pytest.approx(MEASURED[view] / 1024, rel=0.02)


def test_memory_of_proxies_in_round_numbers() -> None:
    assert sizing.proxy_memory(View(1_000, 2_000)) * sizing.MIB == 111_000_000 + 105_000_000 + 15_000_000


@pytest.mark.parametrize(("requests", "thousandths"), [(0, 100), (200, 100), (1_000, 350), (10_000, 3_500)])
def test_proxies_need_cpu_for_requests(requests: int, thousandths: float) -> None:
    assert sizing.proxy_cpu(requests) == thousandths


def test_half_of_the_services_do_with_the_usual_memory() -> None:
    found = fleet(CALLER, *CALLEES)
    assert found.usual_memory == sizing.proxy_memory(View())
    assert fleet().usual_memory == sizing.proxy_memory(View())


def test_pods_that_several_services_stand_for_count_once_and_those_without_a_proxy_do_not() -> None:
    same = {"app": "a"}
    found = fleet(
        a_service("a", labels=same, replicas=3),
        a_service("a-grpc", labels=same, replicas=5),
        a_service("b", replicas=7),
        a_service("c", replicas=100, in_mesh=False),
    )
    assert found.pods == 12
    assert found.services == 4


@pytest.mark.parametrize(
    ("services", "replicas", "istiods", "thousandths", "mebibytes"),
    [
        (22, 3, 2, 500, 512 + 1536 * 66 / 2000),
        (187, 4, 2, 500, 512 + 1536 * 748 / 2000),
        (1_000, 2, 2, 1_000, 512 + 1536),
        (1_000, 5, 4, 2_500, 512 + 1536 * 2.5),
        (5_000, 4, 11, 4_000, 512 + 1536 * 10),
    ],
)
def test_istiod_grows_with_the_fleet(
    services: int, replicas: int, istiods: int, thousandths: float, mebibytes: float
) -> None:
    """Memory has no upper limit, since every istiod knows everything; work is shared by more of them."""
    found = of_size(services, replicas)
    assert sizing.istiod_replicas(found) == istiods
    assert sizing.istiod_cpu(found) == thousandths
    assert sizing.istiod_memory(found) == pytest.approx(mebibytes)


def test_istiod_needs_twice_as_much_for_proxies_that_know_everything() -> None:
    """Istio's figure is for limited scopes. ztunnel has none, and needs none."""
    unlimited, limited = of_size(1_000, 2, egress_scope="off"), of_size(1_000, 2)
    ambient = of_size(1_000, 2, egress_scope="off", data_plane="ambient")
    assert sizing.istiod_memory(unlimited) == 512 + 2 * 1536
    assert sizing.istiod_memory(limited) == sizing.istiod_memory(ambient) == 512 + 1536


THROUGH_INGRESS = (ExternalCaller(name="Customers"),)


@pytest.mark.parametrize(("peak", "pods"), [(None, 2), (1_000, 2), (2_400, 3), (40_000, 35)])
def test_gateways_take_the_peak_from_outside(peak: int | None, pods: int) -> None:
    inside = a_service("inside", peak_rps=1_000_000)
    found = fleet(inside, a_service("front", peak_rps=peak, external_callers=THROUGH_INGRESS))
    assert sizing.gateway_replicas(found) == pods


def test_gateways_and_waypoints_may_be_told_of_every_service() -> None:
    found = of_size(1_000, 3)
    assert sizing.waypoint_memory(found) == sizing.proxy_memory(View(1_000, 3_000))
    assert sizing.gateway_memory(found) == sizing.waypoint_memory(found) + 128


def test_a_waypoint_takes_half_of_what_its_namespace_is_asked() -> None:
    found = fleet(
        a_service("a", peak_rps=4_000),
        a_service("b", peak_rps=2_000),
        a_service("c", namespace="other", peak_rps=5_000),
    )
    assert sizing.waypoint_cpu(found) == pytest.approx(0.35 * 3_000)
    assert sizing.waypoint_cpu(fleet(a_service())) == 100


@pytest.mark.parametrize(("replicas", "mebibytes"), [(1, 512), (200, 512), (400, 1024)])
def test_a_ztunnel_knows_every_pod(replicas: int, mebibytes: float) -> None:
    assert sizing.ztunnel_memory(of_size(1_000, replicas)) == mebibytes
