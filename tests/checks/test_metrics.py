"""OBS140: operations that metrics do not tell apart."""

from __future__ import annotations

from observe.checks import many_operations
from observe.istio.telemetry.endpoint_expression import MOST_OPERATIONS
from observe.model import Endpoint
from tests.checks.finds import found
from tests.samples import TCP, a_mesh, a_service


def operations(count: int, prefix: str = "") -> tuple[Endpoint, ...]:
    return tuple(Endpoint(method="GET", path=f"{prefix}/{number}") for number in range(count))


def test_operations_that_are_left_over_are_counted() -> None:
    assert found(many_operations, a_service(endpoints=operations(MOST_OPERATIONS + 3))) == [
        (
            "warning OBS140: service shop/checkout declares 27 operations, of which 3 count as `other` in metrics; "
            "declare those that matter first: proxies tell 24 apart"
        )
    ]


def test_as_many_as_can_be_told_apart_are_in_order() -> None:
    assert found(many_operations, a_service(endpoints=operations(MOST_OPERATIONS))) == []


def test_services_with_the_same_pods_share_what_their_proxies_tell_apart() -> None:
    same = {"app": "checkout"}
    first = a_service("a", labels=same, endpoints=operations(MOST_OPERATIONS - 1))
    second = a_service("b", labels=same, endpoints=(*operations(2), *operations(2, "/b")))
    (message,) = found(many_operations, first, second)
    assert "service shop/b declares 4 operations, of which 1 count as `other`" in message


def test_where_nothing_is_told_apart_nothing_is_left_over() -> None:
    many = operations(MOST_OPERATIONS + 1)
    assert found(many_operations, a_service(endpoints=many, in_mesh=False)) == []
    assert found(many_operations, a_service(endpoints=many, ports=(TCP,))) == []
    assert found(many_operations, a_service(endpoints=many), mesh=a_mesh(data_plane="ambient")) == []
