"""OBS104, OBS106, OBS108 and OBS117: identity, sidecar, and a breaker that can eject, but not everything."""

from __future__ import annotations

from typing import Any

import pytest

from observe.checks import (
    ejection_impossible,
    ejection_of_everything,
    implicit_injection,
    missing_service_account,
)
from observe.model import Breaker
from tests.checks.finds import found
from tests.samples import a_mesh, a_service


@pytest.mark.parametrize("account", [None, "default"])
def test_shared_account(account: str | None) -> None:
    """Naming the account that everybody has changes nothing."""
    assert found(missing_service_account, a_service(service_account=account)) == [
        (
            "warning OBS104: service shop/checkout has no service account of its own: its pods run as shop/default, "
            "like every other pod there without one, and whoever admits it admits them all; "
            "create the account checkout, set it in the pod template, and give service_account here"
        )
    ]


@pytest.mark.parametrize("changes", [{}, {"service_account": None, "in_mesh": False}])
def test_own_account_or_no_identity_at_all(changes: dict[str, Any]) -> None:
    assert found(missing_service_account, a_service(**changes)) == []


def test_account_matters_in_ambient_meshes_too() -> None:
    assert len(found(missing_service_account, a_service(service_account=None), mesh=a_mesh(data_plane="ambient"))) == 1


def test_sidecar_by_label_alone() -> None:
    assert found(implicit_injection, a_service(injection="namespace")) == [
        (
            "warning OBS106: service shop/checkout does not ask for its sidecar itself; "
            "the namespace's label injects it, but explicit is safer; "
            'label the pod template sidecar.istio.io/inject: "true", and set injection: explicit here'
        )
    ]


@pytest.mark.parametrize("changes", [{}, {"injection": "namespace", "in_mesh": False}])
def test_explicit_sidecar_or_none_at_all(changes: dict[str, Any]) -> None:
    assert found(implicit_injection, a_service(**changes)) == []


def test_ambient_meshes_have_no_sidecars() -> None:
    assert found(implicit_injection, a_service(injection="namespace"), mesh=a_mesh(data_plane="ambient")) == []


@pytest.mark.parametrize(
    ("replicas", "least"), [(1, 100), (2, 50), (3, 34), (4, 25), (7, 15), (10, 10), (11, 10), (100, 1), (10_000, 1)]
)
def test_the_least_percentage_that_ejects(replicas: int, least: int) -> None:
    """100 / replicas, rounded up: of 3 replicas one is 33.3 percent, so 33 is too little."""

    def with_percent(percent: int) -> list[str]:
        breaker = Breaker(max_ejection_percent=percent)
        return found(ejection_impossible, a_service(replicas=replicas, breaker=breaker))

    assert with_percent(least) == []
    if least > 1:
        (said,) = with_percent(least - 1)
        assert said.endswith(f"; raise breaker.max_ejection_percent to {least} or more, or remove it")


@pytest.mark.parametrize(("replicas", "text"), [(1, "1 replica"), (3, "3 replicas")])
def test_what_is_said(replicas: int, text: str) -> None:
    (said,) = found(ejection_impossible, a_service(replicas=replicas, breaker=Breaker(max_ejection_percent=30)))
    assert said.startswith(
        f"error OBS108: service shop/checkout has {text} and max_ejection_percent 30: "
        "one instance is more, so none is ever ejected; "
    )


@pytest.mark.parametrize("replicas", [1, 2, 3, 10])
@pytest.mark.parametrize("role", ["sync", "worker"])
def test_the_defaults_can_always_eject(replicas: int, role: str) -> None:
    assert found(ejection_impossible, a_service(replicas=replicas, role=role)) == []


def test_callers_eject_services_outside_the_mesh_too() -> None:
    outside = a_service(in_mesh=False, breaker=Breaker(max_ejection_percent=30))
    assert len(found(ejection_impossible, outside)) == 1


def test_ejection_of_everything() -> None:
    """100 is the only percentage within which all of any number of instances are."""
    assert found(ejection_of_everything, a_service(breaker=Breaker(max_ejection_percent=99))) == []
    assert found(ejection_of_everything, a_service(replicas=1)) == []
    (finding,) = found(ejection_of_everything, a_service(breaker=Breaker(max_ejection_percent=100)))
    assert finding.startswith("warning OBS117: service shop/checkout has max_ejection_percent 100: ")
