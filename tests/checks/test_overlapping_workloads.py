"""OBS114: pods that two Sidecars would select."""

from __future__ import annotations

from typing import Any

import pytest

from observe.checks import overlapping_workloads
from tests.checks.finds import found
from tests.samples import a_mesh, a_service

WIDE = a_service("all", labels={"app": "web"})
NARROW = a_service("canary", labels={"app": "web", "track": "canary"})


def test_pods_that_are_selected_by_fewer_labels_too() -> None:
    assert found(overlapping_workloads, WIDE, NARROW) == [
        (
            "error OBS114: service shop/canary has pods that shop/all selects too, by app=web: of two Sidecars for a "
            "pod Istio heeds the older one, so that what the other service calls is unknown to them; "
            "give the pods of shop/all a label that these do not have, or both services the same labels"
        )
    ]


def test_label_that_all_have_in_common_hides_nobody() -> None:
    """The selectors are looked for by their rarest label."""
    common = {"a.example.com/part-of": "shop"}
    many = [a_service(f"s{index}", labels={**common, "app": f"s{index}"}) for index in range(20)]
    everybody = a_service("everybody", labels=common)
    assert found(overlapping_workloads, *many) == []
    assert len(found(overlapping_workloads, everybody, *many)) == 20


@pytest.mark.parametrize(
    ("other", "mesh"),
    [
        (a_service("same", labels={"app": "web", "track": "canary"}), {}),
        (a_service("all", labels={"app": "web"}, namespace="web"), {}),
        (a_service("all", labels={"app": "web"}, in_mesh=False), {}),
        (a_service("other", labels={"track": "stable"}), {}),
        (WIDE, {"data_plane": "ambient"}),
        (WIDE, {"egress_scope": "off"}),
    ],
    ids=["same pods", "another namespace", "no proxy", "other labels", "ambient", "scope off"],
)
def test_no_two_sidecars_for_a_pod(other: Any, mesh: dict[str, Any]) -> None:
    assert found(overlapping_workloads, NARROW, other, mesh=a_mesh(**mesh)) == []
