"""OBS102 and OBS103: calls that cannot arrive, and calls that wait for themselves."""

from __future__ import annotations

import pytest

from observe.checks import circular_dependency, port_mismatch
from observe.model import Call, Mtls, Port, Service
from tests.checks.finds import found
from tests.samples import GRPC, HTTP, a_service


def calling(name: str, *callees: str, later: tuple[str, ...] = ()) -> Service:
    """A service that waits for its callees, and notifies others later."""
    waits = tuple(Call(service=f"shop/{callee}") for callee in callees)
    return a_service(name, calls=waits + tuple(Call(service=f"shop/{callee}", asynchronous=True) for callee in later))


def dialling(port: int | None) -> Service:
    return a_service("cart", calls=(Call(service="shop/stock", port=port),))


@pytest.mark.parametrize(
    ("port", "ports", "said"),
    [
        pytest.param(None, (HTTP,), None, id="the only one"),
        pytest.param(80, (HTTP,), None, id="the right one"),
        pytest.param(9000, (HTTP, GRPC), None, id="one of several"),
        pytest.param(
            None, (HTTP, GRPC),
            "calls shop/stock, which has several ports, without saying which; add port: one of 80 (http), 9000 (grpc)",
            id="which of several",
        ),
        pytest.param(
            81, (HTTP, GRPC),
            "calls shop/stock on port 81, which it does not have; write one of 80 (http), 9000 (grpc)",
            id="none of them",
        ),
        pytest.param(
            8080, (HTTP,),
            "calls shop/stock on port 8080, which is its container's and not its Service's; "
            "write 80: callers dial the Service",
            id="the container's",
        ),
    ],
)  # fmt: skip
def test_dialled_port(port: int | None, ports: tuple[Port, ...], said: str | None) -> None:
    expected = [f"error OBS102: service shop/cart {said}"] if said else []
    assert found(port_mismatch, dialling(port), a_service("stock", ports=ports)) == expected


def test_several_calls_to_several_ports() -> None:
    calls = tuple(Call(service="shop/stock", port=port) for port in (80, 11, 9000, 12))
    said = found(port_mismatch, a_service("cart", calls=calls), a_service("stock", ports=(HTTP, GRPC)))
    assert ["port 11" in said[0], "port 12" in said[1], len(said)] == [True, True, 2]


@pytest.mark.parametrize(
    ("mtls", "wrong"),
    [
        pytest.param((), [], id="the whole service"),
        pytest.param((8080,), [], id="the container's port"),
        pytest.param((9000, 8080), [], id="a port that is the same for both"),
        pytest.param((80,), [80], id="the Service's port"),
        pytest.param((11, 8080, 12), [11, 12], id="nobody's ports"),
    ],
)
def test_ports_of_an_exception(mtls: tuple[int, ...], wrong: list[int]) -> None:
    service = a_service("stock", ports=(HTTP, GRPC), mtls=Mtls(mode="PERMISSIVE", ports=mtls, reason="probes"))
    assert found(port_mismatch, service) == [
        f"error OBS102: service shop/stock limits its mTLS exception to port {port}, which none of its containers "
        "listens on; write a container port: 8080, 9000"
        for port in wrong
    ]


def test_without_a_proxy_there_is_no_exception() -> None:
    outside = a_service("stock", in_mesh=False, mtls=Mtls(mode="PERMISSIVE", ports=(11,), reason="probes"))
    assert found(port_mismatch, outside) == []


REMEDY = "remove one of the calls, or mark it asynchronous where nobody waits for the answer"


@pytest.mark.parametrize(
    ("services", "said"),
    [
        pytest.param([calling("a", "b"), calling("b")], [], id="a chain"),
        pytest.param([calling("a", "b", "c"), calling("b", "d"), calling("c", "d"), calling("d")], [], id="a diamond"),
        pytest.param([calling("a", "b"), calling("b", later=("a",))], [], id="a notification closes none"),
        pytest.param([calling("a", later=("a",))], [], id="a note to itself"),
        pytest.param([calling("a", "a")], ["a waits for itself: shop/a -> shop/a"], id="itself"),
        pytest.param(
            [calling("a", "b"), calling("b", "a")], ["a waits for itself: shop/a -> shop/b -> shop/a"], id="two"
        ),
        pytest.param(
            [calling("a", "b"), calling("b", "c"), calling("c", "a", "b")],
            ["a waits for itself: shop/a -> shop/b -> shop/c -> shop/a"],
            id="three, with a smaller circle inside",
        ),
        pytest.param(
            [calling("a", "b", "c"), calling("b", "c"), calling("c", "a")],
            ["a waits for itself: shop/a -> shop/c -> shop/a (3 services wait for each other in all)"],
            id="a short way and a long one",
        ),
        pytest.param(
            [calling("a", "b"), calling("b", "a"), calling("x", "a", "y"), calling("y", "x")],
            ["a waits for itself: shop/a -> shop/b -> shop/a", "x waits for itself: shop/x -> shop/y -> shop/x"],
            id="two circles, one calling the other",
        ),
        pytest.param(
            [calling("a", "b", later=("b",)), calling("b", "a", later=("a",))],
            ["a waits for itself: shop/a -> shop/b -> shop/a"],
            id="both ways at once",
        ),
    ],
)
def test_circles(services: list[Service], said: list[str]) -> None:
    assert found(circular_dependency, *services) == [f"error OBS103: service shop/{text}; {REMEDY}" for text in said]


def test_a_circle_longer_than_the_stack() -> None:
    count = 3_000
    services = [calling(f"s{number:04}", f"s{(number + 1) % count:04}") for number in range(count)]
    (said,) = found(circular_dependency, *services)
    assert said.count("->") == count
