"""The expression that names operations, as Envoy's own CEL understands it, for requests of every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from observe.istio.telemetry.endpoint_expression import MOST_OPERATIONS, endpoint_expression
from observe.model import Endpoint
from tests.istio.telemetry.cel_proxy import CelProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARSED_BY_CEL = 100_000
"""Characters (cel-cpp `parser/options.h`, `kDefaultExpressionSizeCodepointLimit`)."""

ENDPOINTS = (
    Endpoint(method="GET", path="/orders/{id}"),
    Endpoint(method="GET", path="/orders/new"),
    Endpoint(method="POST", path="/orders"),
    Endpoint(method="GET", path="/orders/{id}/lines/{line}"),
    Endpoint(method="GET", path="/files/{name}.txt"),
    Endpoint(method="GET", path="/a.b+c(d)$'x'"),
    Endpoint(method="GET", path="/q(1)/{x}"),
    Endpoint(method="GET", path="/100%25/{{x}}"),
    Endpoint(method="DELETE", path="/"),
    Endpoint(grpc="shop.orders.v1.Orders/Get"),
    Endpoint(grpc="shop.orders.v1.Orders/GetAll"),
)
CASES = {
    ("GET", "/orders/17"): "GET /orders/{id}",
    ("GET", "/orders/17?expand=lines"): "GET /orders/{id}",
    ("GET", "/orders/new"): "GET /orders/new",
    ("GET", "/orders/new?from=cart"): "GET /orders/new",
    ("POST", "/orders"): "POST /orders",
    ("PUT", "/orders/17"): "other",
    ("GET", "/orders"): "other",
    ("GET", "/orders/"): "other",
    ("GET", "/orders/17/"): "other",
    ("GET", "/orders/17/lines"): "other",
    ("GET", "/orders/17/lines/3"): "GET /orders/{id}/lines/{line}",
    ("GET", "/orders/17/lines/3/more"): "other",
    ("GET", "/before/orders/17"): "other",
    ("GET", "/files/a.txt"): "GET /files/{name}.txt",
    ("GET", "/files/a-txt"): "other",
    ("GET", "/a.b+c(d)$'x'"): "GET /a.b+c(d)$'x'",
    ("GET", "/aXb+c(d)$'x'"): "other",
    ("GET", "/q(1)/7"): "GET /q(1)/{x}",
    ("GET", "/q1/7"): "other",
    ("GET", "/100%25/%7Bx%7D"): "other",
    ("DELETE", "/"): "DELETE /",
    ("GET", "/"): "other",
    ("POST", "/shop.orders.v1.Orders/Get"): "shop.orders.v1.Orders/Get",
    ("POST", "/shop.orders.v1.Orders/GetAll"): "shop.orders.v1.Orders/GetAll",
    ("POST", "/shop.orders.v1.Orders/Delete"): "other",
    ("GET", '/orders/"x"'): "GET /orders/{id}",
    ("GET", "/orders/\\"): "GET /orders/{id}",
}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CelProxy]:
    values = (*(endpoint.title for endpoint in ENDPOINTS), "other")
    with CelProxy(tmp_path_factory.mktemp("cel"), endpoint_expression(ENDPOINTS), values) as running:
        yield running


@pytest.mark.parametrize(("method", "path"), CASES)
def test_a_request_is_the_operation_that_it_fits(proxy: CelProxy, method: str, path: str) -> None:
    """Anchored at both ends, a placeholder is one segment, and everything but placeholders is meant literally."""
    assert proxy.value(method, path) == CASES[method, path]


def test_there_are_no_more_values_than_operations_and_other() -> None:
    many = [Endpoint(method="GET", path=f"/{number}") for number in range(MOST_OPERATIONS + 1)]
    expression = endpoint_expression(many)
    assert expression.count(" ? ") == MOST_OPERATIONS
    assert f'"GET /{MOST_OPERATIONS - 1}"' in expression
    assert f'"GET /{MOST_OPERATIONS}"' not in expression


def test_the_first_operations_are_told_apart_whatever_their_paths_look_like() -> None:
    """Which ones they are is decided before they are brought into order."""
    plain = [Endpoint(method="GET", path=f"/plain/{number}") for number in range(MOST_OPERATIONS)]
    expression = endpoint_expression([Endpoint(method="GET", path="/{first}"), *plain])
    assert '"GET /{first}"' in expression
    assert f'"GET /plain/{MOST_OPERATIONS - 1}"' not in expression


def test_as_many_operations_as_there_may_be_are_understood(tmp_path: Path) -> None:
    """So many questions, one within the other; of more than CEL parses, there would be no label at all."""
    many = [Endpoint(method="GET", path=f"/operations/{number}/of/a/service") for number in range(MOST_OPERATIONS)]
    last = many[-1]
    with CelProxy(tmp_path, endpoint_expression(many), (last.title, "other")) as proxy:
        assert proxy.value("GET", last.path or "") == last.title
        assert proxy.value("GET", "/nothing") == "other"


def test_the_longest_expression_is_one_that_cel_parses() -> None:
    longest = [Endpoint(method="OPTIONS", path=f"/{'.' * 496}{{x}}") for _ in range(MOST_OPERATIONS)]
    assert len(longest[0].path or "") == 500
    assert len(endpoint_expression(longest)) < PARSED_BY_CEL
