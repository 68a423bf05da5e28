"""Waypoints: where an ambient namespace has one."""

from __future__ import annotations

from typing import Any

import pytest

from observe.istio.gateways.waypoint import waypoint
from observe.model import Namespace
from observe.provenance import plain
from tests.samples import a_mesh, a_service, an_inventory

AMBIENT: dict[str, Any] = {"data_plane": "ambient", "waypoints": True}


def test_waypoint_is_as_istio_wants_it() -> None:
    made = plain(waypoint(an_inventory(a_service(), mesh=a_mesh(**AMBIENT)), "shop"))
    assert (made["apiVersion"], made["kind"]) == ("gateway.networking.k8s.io/v1", "Gateway")
    assert (made["metadata"]["namespace"], made["metadata"]["name"]) == ("shop", "waypoint")
    assert made["metadata"]["labels"]["istio.io/waypoint-for"] == "service"
    assert made["metadata"]["labels"]["app.kubernetes.io/part-of"] == "acme"
    assert made["spec"] == {
        "gatewayClassName": "istio-waypoint",
        "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}],
    }


@pytest.mark.parametrize(
    ("mesh", "there"),
    [
        pytest.param(AMBIENT, True, id="everywhere"),
        pytest.param({**AMBIENT, "waypoints": False}, False, id="nowhere"),
        pytest.param({**AMBIENT, "namespaces": {"shop": Namespace(waypoint=False)}}, False, id="not in this one"),
        pytest.param(
            {**AMBIENT, "waypoints": False, "namespaces": {"shop": Namespace(waypoint=True)}}, True, id="in this one"
        ),
        pytest.param({**AMBIENT, "namespaces": {"shop": Namespace(default_deny=True)}}, True, id="silent about it"),
        pytest.param({**AMBIENT, "data_plane": "sidecar"}, False, id="sidecars"),
    ],
)
def test_where_there_is_one(mesh: dict[str, Any], there: bool) -> None:
    made = waypoint(an_inventory(a_service(), mesh=a_mesh(**mesh)), "shop")
    assert (made is not None) is there


def test_none_for_a_namespace_with_nothing_in_the_mesh() -> None:
    inventory = an_inventory(a_service(), a_service("old", namespace="legacy", in_mesh=False), mesh=a_mesh(**AMBIENT))
    assert waypoint(inventory, "legacy") is None
    assert waypoint(inventory, "elsewhere") is None
