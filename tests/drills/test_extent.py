"""Whose telemetry an incident changes is told from the telemetry, whatever kind of series it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from observe.drills import extent as room
from observe.drills.extent import Extent
from observe.graph import Graph
from observe.model import Call, Inventory
from observe.simulation import Series, Telemetry
from observe.simulation.reports import pods_of_service
from tests.samples import a_mesh, a_service, an_inventory


def inventory() -> Inventory:
    """`web` calls `cart`, `cart` calls `stock`; nobody calls `idle`."""
    calls = {"web": ("cart",), "cart": ("stock",), "stock": (), "idle": ()}
    return an_inventory(
        *(
            a_service(name, calls=tuple(Call(service=f"shop/{callee}") for callee in callees))
            for name, callees in calls.items()
        ),
        mesh=a_mesh(),
    )


EXTENT = Extent(Graph(inventory()))


def series(name: str, **labels: str) -> Series:
    return Series(name, tuple(sorted(labels.items())), (1, 2, 3))


def requests(callee: str, *, metric: str = "istio_requests_total", caller: str = "web", **more: str) -> Series:
    return series(
        metric, destination_service_namespace="shop", destination_service_name=callee,
        source_workload_namespace="shop", source_workload=caller, **more,
    )  # fmt: skip


def pod(service: str) -> str:
    return pods_of_service(inventory().by_id[f"shop/{service}"])[0].name


ORDINARY = Telemetry(
    15,
    (
        requests("cart"),
        requests("stock", caller="cart"),
        requests("cart", metric="istio_request_duration_milliseconds_bucket", le="5"),
        requests("stock", metric="istio_request_duration_milliseconds_bucket", le="5"),
        requests("idle", metric="istio_request_duration_milliseconds_bucket", le="5"),
        requests("BlackHoleCluster", caller="idle"),
        series("envoy_cluster_upstream_cx_overflow", cluster_name="outbound|80||stock.shop.svc.cluster.local", pod="x"),
        series("up", namespace="shop", pod=pod("cart")),
        series("pilot_xds_pushes", type="cds"),
    ),
)


def changed(place: int) -> Telemetry:
    """One series has another value."""
    all_ = list(ORDINARY.series)
    all_[place] = replace(all_[place], values=(1, 2, 4))
    return replace(ORDINARY, series=tuple(all_))


def names(telemetry: Telemetry) -> list[str]:
    return [service.name for service in EXTENT.touched(ORDINARY, telemetry)]


@pytest.mark.parametrize(
    ("place", "service"), [(0, "cart"), (1, "stock"), (5, "idle"), (6, "stock"), (7, "cart")], ids=str
)
def test_a_value_touches_the_service_that_its_series_is_about(place: int, service: str) -> None:
    assert names(changed(place)) == [service]


def test_what_is_about_no_service_touches_none() -> None:
    assert names(changed(8)) == []
    assert names(ORDINARY) == []


def test_a_series_that_is_gone_or_new_touches_its_service() -> None:
    assert names(replace(ORDINARY, series=ORDINARY.series[1:])) == ["cart"]
    new = requests("idle", response_code="503")
    assert names(replace(ORDINARY, series=(*ORDINARY.series, new))) == ["idle"]


def test_a_part_has_the_telemetry_of_its_services_and_their_callees_and_what_is_nobodys() -> None:
    (part,) = EXTENT.parts(EXTENT.touched(ORDINARY, changed(0)), ORDINARY)
    assert [service.name for service in part.services] == ["cart"]
    left_out = set(ORDINARY.series) - set(part.telemetry.series)
    assert left_out == {ORDINARY.series[4]}


def test_where_nothing_is_touched_there_is_a_part_for_the_mesh() -> None:
    (part,) = EXTENT.parts((), ORDINARY)
    assert part.services == ()
    kept = [one.name for one in part.telemetry.series]
    # Requests stay whole, for shares of the mesh.
    assert kept == ["istio_requests_total", "istio_requests_total", "istio_requests_total", "up", "pilot_xds_pushes"]


def test_many_services_are_played_in_parts_that_promtool_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """`web` reads cart's series too; what cart reads of stock's fits no more."""
    monkeypatch.setattr(room, "MOST", 1)
    parts = EXTENT.parts(inventory().services, ORDINARY)
    played = [service.name for part in parts for service in part.services]
    assert sorted(played) == ["cart", "idle", "stock", "web"]
    assert len(parts) > 1
    for part in parts:
        buckets = [one for one in part.telemetry.series if one.name.endswith("_bucket")]
        assert len(buckets) <= 1 or len(part.services) == 1
