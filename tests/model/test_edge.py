"""What gateways, exposures, faults and limits refuse to be."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from observe.inventory import InventoryError, parse
from observe.model import Exposure, Fault, FaultAbort, RateLimit
from observe.model.gateway import GlobalRateLimit, distinct_hosts, distinct_limits
from observe.model.traffic import distinct_faults
from tests.inventory.good import FILE, GOOD, broken


@pytest.mark.parametrize("path", ["/orders/{id}", "/{tenant}", "/a//b", "//", "/a/../b", "/a/..", "/.", "/a/./b"])
def test_exposure_has_a_path_that_requests_can_begin_with(path: str) -> None:
    with pytest.raises(ValueError, match="has a path that nothing begins with; leave out placeholders"):
        Exposure(gateway="web", host="shop.example.com", path=path)


@pytest.mark.parametrize("path", ["/", "/orders", "/orders/", "/v1.2/a..b", "/.well-known/x"])
def test_paths_of_exposures(path: str) -> None:
    assert Exposure(gateway="web", host="shop.example.com", path=path).path == path


def test_bucket_is_not_filled_more_often_than_envoy_does() -> None:
    with pytest.raises(ValueError, match="has per below 50ms, more often than Envoy counts; write more per longer"):
        RateLimit(requests=1, per=49)
    assert RateLimit(requests=1, per=50).per == 50


def test_names_of_faults_and_limits_are_their_objects_and_so_not_shared() -> None:
    fault = Fault(name="down", expires=date(2026, 5, 31), abort=FaultAbort(status=503, percent=11))
    limit = GlobalRateLimit(name="all", requests=1)
    with pytest.raises(ValueError, match="has two faults called down; give each its own name"):
        distinct_faults((fault, fault))
    with pytest.raises(ValueError, match="has two rate limits called all; give each its own name"):
        distinct_limits((limit, limit))
    assert (distinct_faults((fault,)), distinct_limits((limit,))) == ((fault,), (limit,))


def test_host_is_there_once() -> None:
    with pytest.raises(ValueError, match=r"has the host a\.example\.com twice; keep one of the two"):
        distinct_hosts(("a.example.com", "b.example.com", "a.example.com"))


@pytest.mark.parametrize(
    ("below", "message"),
    [
        (
            (
                "faults: [{name: a, expires: 2026-05-31, abort: {status: 500, percent: 1}}, "
                "{name: a, expires: 2026-05-31, abort: {status: 500, percent: 1}}]"
            ),
            "has two faults called a; give each its own name",
        ),
        ("rate_limit: {requests: 1, per: 10ms}", "has per below 50ms"),
        ('exposures: [{gateway: web, host: a.example.com, path: "/{id}"}]', "has a path that nothing begins with"),
    ],
    ids=["faults", "rate limit", "exposure"],
)
def test_loader_says_so(below: str, message: str) -> None:
    text: Any = broken("role: data", f"role: data\n    {below}")
    with pytest.raises(InventoryError) as caught:
        parse([(FILE, text)])
    assert any(message in str(finding) for finding in caught.value.findings)
    assert parse([(FILE, GOOD)]).services
