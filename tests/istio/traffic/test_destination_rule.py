"""DestinationRule: breakers that can open, and no block that breaks encryption."""

from __future__ import annotations

from typing import Any

import pytest

from observe.graph import Graph
from observe.istio.traffic.destination_rule import destination_rule
from observe.model import Breaker, Call, Outside, Role, Service, Version
from observe.provenance import leaves, plain
from tests.samples import TCP, a_mesh, a_service, an_inventory


def spec(service: Service, *others: Service, **mesh: Any) -> dict[str, Any]:
    inventory = an_inventory(service, *others, mesh=a_mesh(**mesh))
    made = destination_rule(inventory, Graph(inventory), service)
    assert all(leaf.origin for leaf in leaves(made["spec"]))
    found: dict[str, Any] = plain(made)["spec"]
    return found


def policy(service: Service, *others: Service, **mesh: Any) -> dict[str, Any]:
    found: dict[str, Any] = spec(service, *others, **mesh)["trafficPolicy"]
    return found


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
        connect_timeout=250,
    )
    found = policy(a_service(breaker=own))
    assert found["outlierDetection"] == {
        "consecutive5xxErrors": 11,
        "interval": "12s",
        "baseEjectionTime": "13s",
        "maxEjectionPercent": 34,
    }
    assert found["connectionPool"]["tcp"] == {"maxConnections": 14, "connectTimeout": "250ms"}


def test_connections_are_kept_and_ejections_stand_unless_a_team_chooses_otherwise() -> None:
    usual = policy(a_service())
    assert "maxRequestsPerConnection" not in usual["connectionPool"]["http"]
    assert "minHealthPercent" not in usual["outlierDetection"]
    chosen = policy(a_service(breaker=Breaker(max_requests_per_connection=10, min_health_percent=30)))
    assert chosen["connectionPool"]["http"]["maxRequestsPerConnection"] == 10
    assert chosen["outlierDetection"]["minHealthPercent"] == 30


def test_failed_connections_are_counted_apart_only_when_asked_for_and_then_with_a_number() -> None:
    """Without a number of its own it would be Envoy's 5, whatever consecutive_5xx says."""
    found = policy(a_service(breaker=Breaker(split_local_origin=True, consecutive_5xx=7)))["outlierDetection"]
    assert (found["splitExternalLocalOriginErrors"], found["consecutiveLocalOriginFailures"]) == (True, 7)
    assert "splitExternalLocalOriginErrors" not in policy(a_service())["outlierDetection"]


def test_only_instance_is_not_ejected() -> None:
    assert "outlierDetection" not in policy(a_service(replicas=1))
    asked = policy(a_service(replicas=1, breaker=Breaker(max_ejection_percent=100)))["outlierDetection"]
    assert asked["maxEjectionPercent"] == 100


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (Breaker(), {"simple": "LEAST_REQUEST"}),
        (Breaker(load_balancer="RANDOM"), {"simple": "RANDOM"}),
        (Breaker(hash_header="x-user"), {"consistentHash": {"httpHeaderName": "x-user"}}),
    ],
)
def test_instance_is_chosen_by_load_or_as_the_team_says(own: Breaker, expected: dict[str, Any]) -> None:
    assert policy(a_service(breaker=own))["loadBalancer"] == expected


@pytest.mark.parametrize("changes", [{}, {"in_mesh": False}, {"versions": (Version(name="v1", weight=100),)}])
def test_no_tls_block_in_the_cluster_so_that_auto_mtls_stays_in_force(changes: dict[str, Any]) -> None:
    """Auto-mTLS also knows who has no proxy, and speaks plaintext to them."""
    found = spec(a_service(**changes))
    assert "tls" not in found["trafficPolicy"]
    assert "portLevelSettings" not in found["trafficPolicy"]
    assert not [subset for subset in found.get("subsets", ()) if "tls" in subset.get("trafficPolicy", {})]


def test_tls_to_the_outside_checks_whose_certificate_it_is() -> None:
    """With sni alone any valid certificate would pass (istio `setAutoSniAndAutoSanValidation`)."""
    outside = Outside(host="pay.example.com", tls=True)
    found = spec(a_service(in_mesh=False, outside=outside))
    assert found["host"] == "pay.example.com"
    assert found["trafficPolicy"]["tls"] == {
        "mode": "SIMPLE",
        "sni": "pay.example.com",
        "subjectAltNames": ["pay.example.com"],
        "caCertificates": "system",
    }
    assert "tls" not in policy(a_service(in_mesh=False, outside=Outside(host="pay.example.com")))


def test_versions_are_subsets_by_their_labels() -> None:
    versions = (Version(name="v1", weight=100), Version(name="v2", labels={"track": "canary", "build": "b7"}))
    assert spec(a_service(versions=versions))["subsets"] == [
        {"name": "v1", "labels": {"version": "v1"}},
        {"name": "v2", "labels": {"track": "canary", "build": "b7"}},
    ]


def test_version_with_fewer_pods_repeats_the_whole_block_with_its_own_percentage() -> None:
    """A subset's block replaces the service's as a whole (istio `MergeTrafficPolicy`)."""
    versions = (Version(name="v1", weight=100), Version(name="v2", replicas=2))
    own = Breaker(max_ejection_percent=34, consecutive_5xx=7)
    found = spec(a_service(replicas=3, versions=versions, breaker=own))
    whole = found["trafficPolicy"]["outlierDetection"]
    assert [subset.get("trafficPolicy") for subset in found["subsets"]] == [
        None,
        {"outlierDetection": {**whole, "maxEjectionPercent": 50}},
    ]


def test_pool_limits_are_never_zero_which_would_mean_no_limit() -> None:
    pool = policy(a_service())["connectionPool"]
    assert all(value > 0 for value in (pool["tcp"]["maxConnections"], *pool["http"].values()))


@pytest.mark.parametrize(
    ("mesh", "requests"),
    [({}, 13), ({"data_plane": "ambient"}, 13), ({"data_plane": "ambient", "waypoints": True}, 52)],
)
def test_limits_are_those_of_one_caller_but_a_waypoint_serves_all_of_them(mesh: dict[str, Any], requests: int) -> None:
    caller = a_service("cart", replicas=4, calls=(Call(service="shop/checkout"),))
    found = policy(a_service(breaker=Breaker(max_requests=13)), caller, **mesh)
    assert found["connectionPool"]["http"]["http2MaxRequests"] == requests


@pytest.mark.parametrize(("version", "budget"), [("1.26", False), ("1.27", True), ("1.30.3", True)])
def test_retry_budget_is_written_for_versions_that_know_it(version: str, budget: bool) -> None:
    assert ("retryBudget" in policy(a_service(), istio_version=version)) is budget


def test_tcp_service_has_no_request_limits() -> None:
    found = policy(a_service(ports=(TCP,)))
    assert "http" not in found["connectionPool"]
    assert "retryBudget" not in found
