"""Local rate limit: a token bucket in front of each port with requests."""

from __future__ import annotations

from typing import Any

import pytest

from observe.istio.filters.envoy_filter import seconds
from observe.istio.filters.local_rate_limit import local_rate_limit
from observe.model import RateLimit
from observe.provenance import plain
from tests.samples import GRPC, HTTP, TCP, a_mesh, a_service, an_inventory

LIMIT = RateLimit(requests=11, per=500, burst=12)


def made(**changes: Any) -> dict[str, Any] | None:
    service = a_service(**{"rate_limit": LIMIT, **changes})
    found: dict[str, Any] | None = plain(local_rate_limit(an_inventory(service), service))
    return found


def configs(**changes: Any) -> list[dict[str, Any]]:
    found = made(**changes)
    assert found is not None
    return [patch["patch"]["value"]["typed_config"] for patch in found["spec"]["configPatches"]]


def test_bucket_is_as_declared_and_a_burst_is_the_limit_itself_unless_said() -> None:
    (config,) = configs()
    assert config["token_bucket"] == {"max_tokens": 12, "tokens_per_fill": 11, "fill_interval": "0.500s"}
    (config,) = configs(rate_limit=RateLimit(requests=13))
    assert config["token_bucket"] == {"max_tokens": 13, "tokens_per_fill": 13, "fill_interval": "1s"}


def test_limit_is_enforced_and_not_only_counted() -> None:
    (config,) = configs()
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    assert config["filter_enabled"] == config["filter_enforced"] == always


def test_grpc_callers_hear_of_a_limit_and_not_of_an_outage_which_they_would_try_again() -> None:
    assert [config["rate_limited_as_resource_exhausted"] for config in configs(ports=(GRPC,))] == [True]


def test_every_port_with_requests_has_a_bucket_before_the_faults() -> None:
    found = made(ports=(HTTP, GRPC, TCP))
    assert found is not None
    assert found["metadata"]["name"] == "checkout-local-rate-limit"
    assert 0 < found["spec"]["priority"] < 20
    ports = [patch["match"]["listener"]["portNumber"] for patch in found["spec"]["configPatches"]]
    assert ports == [8080, 9000]


@pytest.mark.parametrize(
    "changes",
    [{"rate_limit": None}, {"in_mesh": False}, {"ports": (TCP,)}],
    ids=["no limit", "no sidecar", "no requests"],
)
def test_nothing_where_it_would_have_no_effect(changes: dict[str, Any]) -> None:
    assert made(**changes) is None


def test_nothing_in_an_ambient_mesh() -> None:
    service = a_service(rate_limit=LIMIT)
    assert local_rate_limit(an_inventory(service, mesh=a_mesh(data_plane="ambient")), service) is None


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(1, "0.001s"), (50, "0.050s"), (1_000, "1s"), (1_500, "1.500s"), (3_599_999, "3599.999s")],
)
def test_durations_are_written_in_seconds_as_protobuf_wants_them(milliseconds: int, text: str) -> None:
    assert seconds(milliseconds) == text
