"""DestinationRule: breakers that can open, and no block that breaks encryption."""

from __future__ import annotations

from typing import Any

import pytest

from observe.istio.destination_rule import destination_rule
from observe.model import Breaker, Role, Service
from tests.samples import TCP, a_mesh, a_service, an_inventory


def policy(service: Service, **mesh: Any) -> dict[str, Any]:
    made = destination_rule(an_inventory(service, mesh=a_mesh(**mesh)), service)
    found: dict[str, Any] = made["spec"]["trafficPolicy"]
    return found


def ejects(replicas: int, percent: int) -> bool:
    """Envoy's own test for the first ejection (`outlier_detection_impl.cc`)."""
    return 100 * 1 / replicas <= percent


@pytest.mark.parametrize("replicas", [1, 2, 3, 4, 9, 10, 11, 100])
def test_ejection_is_possible_at_every_number_of_replicas(replicas: int) -> None:
    assert ejects(replicas, policy(a_service(replicas=replicas))["outlierDetection"]["maxEjectionPercent"])


@pytest.mark.parametrize("replicas", [2, 3, 4, 9, 10, 11, 100])
def test_half_of_the_instances_stay_whatever_happens(replicas: int) -> None:
    percent = policy(a_service(replicas=replicas))["outlierDetection"]["maxEjectionPercent"]
    assert percent * replicas // 100 <= replicas / 2


@pytest.mark.parametrize(("role", "failures"), [("sync", 5), ("external", 5), ("worker", 10)])
def test_workers_are_judged_leniently(role: Role, failures: int) -> None:
    detection = policy(a_service(role=role))["outlierDetection"]
    assert (detection["consecutive5xxErrors"], detection["baseEjectionTime"]) == (failures, "30s")


def test_own_choice_goes_before_the_roles() -> None:
    own = Breaker(
        consecutive_5xx=11,
        interval=12_000,
        base_ejection_time=13_000,
        max_ejection_percent=34,
        max_connections=14,
    )
    found = policy(a_service(breaker=own))
    assert found["outlierDetection"] == {
        "consecutive5xxErrors": 11,
        "interval": "12s",
        "baseEjectionTime": "13s",
        "maxEjectionPercent": 34,
    }
    assert found["connectionPool"]["tcp"]["maxConnections"] == 14


def test_no_tls_block_so_that_auto_mtls_stays_in_force() -> None:
    assert "tls" not in policy(a_service())
    assert "portLevelSettings" not in policy(a_service())


def test_pool_limits_are_never_zero_which_would_mean_no_limit() -> None:
    pool = policy(a_service())["connectionPool"]
    assert all(value > 0 for value in (pool["tcp"]["maxConnections"], *pool["http"].values()))


@pytest.mark.parametrize(("version", "budget"), [("1.26", False), ("1.27", True), ("1.30.3", True)])
def test_retry_budget_is_written_for_versions_that_know_it(version: str, budget: bool) -> None:
    assert ("retryBudget" in policy(a_service(), istio_version=version)) is budget


def test_tcp_service_has_no_request_limits() -> None:
    found = policy(a_service(ports=(TCP,)))
    assert "http" not in found["connectionPool"]
    assert "retryBudget" not in found
