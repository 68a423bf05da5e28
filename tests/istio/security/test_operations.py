"""Operations in AuthorizationPolicy's notation: what both sides declare, and how paths are compared."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from observe.istio.security.operations import ANY, Operation, allowed, begins, below, narrower, template
from observe.model import Endpoint, Port
from tests.samples import GRPC, HTTP, TCP

GET = Endpoint(method="GET", path="/orders/{id}")
POST = Endpoint(method="POST", path="/orders")
CALL = Endpoint(grpc="acme.v1.Users/GetUser")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/orders", "/orders", id="as it is"),
        pytest.param("/orders/{id}/items/{item}", "/orders/{*}/items/{*}", id="one segment each"),
        pytest.param("/a.b/{x}/c+d", "/a.b/{*}/c+d", id="other characters stay"),
        pytest.param("/files/{name}.txt", "/files/{*}", id="Istio refuses text beside a template"),
        pytest.param("/files/{a}-{b}", "/files/{*}", id="or two in a segment"),
        pytest.param("/odd{/b", "/{*}/b", id="or a brace that is not closed"),
        pytest.param("/a//{id}/b", "/a//*", id="or an empty segment beside a template"),
        pytest.param("/a//b", "/a//b", id="which is fine without one"),
        pytest.param("/orders/{id}/", "/orders/{*}/", id="a slash at the end counts"),
    ],
)
def test_paths_in_the_policys_notation(path: str, expected: str) -> None:
    assert template(path) == expected


@pytest.mark.parametrize(
    ("port", "offered", "used", "expected"),
    [
        pytest.param(HTTP, (), (), (ANY,), id="nobody names any"),
        pytest.param(TCP, (GET,), (), (ANY,), id="connections have no operations"),
        pytest.param(HTTP, (CALL,), (), (ANY,), id="nor are those of another kind its own"),
        pytest.param(HTTP, (GET, CALL), (), (Operation("GET", "/orders/{*}"),), id="what is offered"),
        pytest.param(GRPC, (GET, CALL), (), (Operation("POST", "/acme.v1.Users/GetUser"),), id="gRPC is POST"),
        pytest.param(HTTP, (), (GET,), (Operation("GET", "/orders/{*}"),), id="what is used"),
        pytest.param(HTTP, (GET, POST), (GET,), (Operation("GET", "/orders/{*}"),), id="of what is offered"),
        pytest.param(HTTP, (POST,), (GET,), (), id="what is not offered"),
        pytest.param(TCP, (), (GET,), (), id="who sends requests has no use for a tcp port"),
        pytest.param(GRPC, (CALL,), (GET,), (), id="or for gRPC"),
        pytest.param(
            HTTP,
            (Endpoint(method="GET", path="/orders/{id}"), Endpoint(method="GET", path="/orders/new")),
            (Endpoint(method="GET", path="/orders/{order}"),),
            (Operation("GET", "/orders/{*}"),),
            id="whatever the placeholder is called, and no more than was asked",
        ),
        pytest.param(
            HTTP,
            (Endpoint(method="GET", path="/orders/mine"),),
            (GET,),
            (Operation("GET", "/orders/mine"),),
            id="the service's is the narrower",
        ),
        pytest.param(
            HTTP,
            (GET,),
            (Endpoint(method="GET", path="/orders/mine"),),
            (Operation("GET", "/orders/mine"),),
            id="the caller's is the narrower",
        ),
    ],
)
def test_what_both_sides_declare(
    port: Port, offered: tuple[Endpoint, ...], used: tuple[Endpoint, ...], expected: tuple[Operation, ...]
) -> None:
    assert allowed(port, offered, used) == expected


@pytest.mark.parametrize(
    ("port", "offered", "prefix", "expected"),
    [
        pytest.param(HTTP, (), "/", (ANY,), id="everything"),
        pytest.param(HTTP, (), "/v1", (Operation(path="/v1*"),), id="begins like a text, as in a VirtualService"),
        pytest.param(HTTP, (), "/v1/", (Operation(path="/v1/*"),), id="with its slash"),
        pytest.param(HTTP, (), "/v1/{id}", (Operation(path="/v1/*"),), id="a placeholder is where it ends"),
        pytest.param(GRPC, (), "/acme.v1", (Operation(path="/acme.v1*"),), id="gRPC has paths too"),
        pytest.param(TCP, (GET,), "/v1", (ANY,), id="connections have none"),
        pytest.param(HTTP, (GET, POST), "/orders/", (Operation("GET", "/orders/{*}"),), id="what is offered there"),
        pytest.param(HTTP, (GET, POST), "/users", (), id="nothing is"),
    ],
)
def test_what_is_exposed(
    port: Port, offered: tuple[Endpoint, ...], prefix: str, expected: tuple[Operation, ...]
) -> None:
    assert below(port, offered, prefix) == expected


@pytest.mark.parametrize(
    ("path", "prefix", "expected"),
    [
        ("/orders", "/", True),
        ("/orders", "/ord", True),
        ("/orders", "/orders", True),
        ("/orders", "/orders/", False),
        ("/orders/{*}", "/orders/17", True),
        ("/orders/{*}/items", "/orders/17/it", True),
        ("/orders/{*}/items", "/orders/17/users", False),
        ("/orders/{*}", "/orders/{id}", True),
        ("/users/{*}", "/orders", False),
        ("/a//*", "/a/", True),
        ("/a//*", "/a//b/c", True),
        ("/a//*", "/b", False),
        ("/{*}/b", "//b", False),
    ],
)
def test_whether_a_path_may_begin_like_that(path: str, prefix: str, expected: bool) -> None:
    assert begins(path, prefix) is expected


SEGMENTS = st.sampled_from(["a", "b", "{*}", ""])
TEMPLATES = st.lists(SEGMENTS, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
PATHS = st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))


def fits(path: str, pattern: str) -> bool:
    """As Envoy's URI template does: `*` is one segment that is not empty."""
    return bool(re.fullmatch("[^/]+".join(map(re.escape, pattern.split("{*}"))), path))


@given(TEMPLATES, TEMPLATES, PATHS)
@example("/{*}", "/", "/")
@example("/{*}/b", "//b", "//b")
def test_what_both_allow_is_what_fits_both(one: str, other: str, path: str) -> None:
    common = narrower(Operation("GET", one), Operation("GET", other))
    both = fits(path, one) and fits(path, other)
    assert both is (common is not None and fits(path, common.path or ""))


def test_other_methods_have_nothing_in_common() -> None:
    assert narrower(Operation("GET", "/a"), Operation("POST", "/a")) is None
