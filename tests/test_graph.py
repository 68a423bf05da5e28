"""The call graph: callers, callees, and who waits for whom in a circle."""

from __future__ import annotations

import sys
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from observe.graph import Graph
from observe.model import Call, Inventory, Service
from tests.samples import a_service, an_inventory

LONGEST = 5_000


def services(*edges: str, asynchronous: tuple[str, ...] = ()) -> Inventory:
    """An inventory from edges such as `a b`: a calls b."""
    calls: dict[str, list[Call]] = {name: [] for edge in (*edges, *asynchronous) for name in edge.split()}
    for edge in (*edges, *asynchronous):
        caller, callee = edge.split()
        calls[caller].append(Call(service=f"shop/{callee}", asynchronous=edge in asynchronous))
    return an_inventory(*(a_service(name, calls=tuple(made)) for name, made in calls.items()))


def names(group: tuple[Service, ...]) -> str:
    return " ".join(service.name for service in group)


def cycles(*edges: str, asynchronous: tuple[str, ...] = ()) -> list[str]:
    return [names(group) for group in Graph(services(*edges, asynchronous=asynchronous)).cycles()]


def test_callers_are_the_calls_to_a_service() -> None:
    inventory = services("a c", "b c", "a b", "b c")
    found = Graph(inventory).callers(inventory.by_id["shop/c"])
    assert [(edge.caller.name, edge.callee.name, edge.index) for edge in found] == [
        ("a", "c", 0),
        ("b", "c", 0),
        ("b", "c", 1),
    ]


def test_who_is_not_called_has_no_callers() -> None:
    inventory = services("a b")
    assert Graph(inventory).callers(inventory.by_id["shop/a"]) == ()


def test_callees_are_those_that_are_waited_for() -> None:
    inventory = services("a b", asynchronous=("a c",))
    assert names(Graph(inventory).callees(inventory.by_id["shop/a"])) == "b"


def test_edges_keep_asynchronous_calls_which_are_calls_all_the_same() -> None:
    assert len(Graph(services("a b", asynchronous=("b a",))).edges) == 2


def test_chain_is_no_circle() -> None:
    assert cycles("a b", "b c", "a c") == []


def test_two_ways_to_one_service_are_no_circle() -> None:
    assert cycles("a b", "a c", "b d", "c d") == []


def test_circle_is_found_once_and_sorted() -> None:
    assert cycles("c a", "b c", "a b") == ["a b c"]


def test_service_that_calls_itself_is_a_circle() -> None:
    assert cycles("a a", "a b") == ["a"]


def test_circles_that_share_a_service_are_one() -> None:
    assert cycles("a b", "b a", "b c", "c b") == ["a b c"]


def test_circles_that_do_not_meet_are_several() -> None:
    assert cycles("x y", "y x", "a b", "b a", "b x", "y z") == ["a b", "x y"]


def test_asynchronous_call_closes_no_circle() -> None:
    """Its sender has already answered: nobody waits."""
    assert cycles("a b", asynchronous=("b a",)) == []
    assert cycles("a b", asynchronous=("a a",)) == []


def test_order_of_declaration_does_not_matter() -> None:
    assert cycles("a b", "b a", "b c", "c d", "d c") == cycles("d c", "c d", "b c", "b a", "a b")


def long_chain(*more: tuple[int, int]) -> Inventory:
    edges = [*pairwise(range(LONGEST)), *more]
    return services(*(f"s{caller:04} s{callee:04}" for caller, callee in edges))


def test_chain_longer_than_pythons_stack_is_walked() -> None:
    assert sys.getrecursionlimit() < LONGEST
    assert Graph(long_chain()).cycles() == ()


def test_circle_longer_than_pythons_stack_is_found() -> None:
    (found,) = Graph(long_chain((LONGEST - 1, 0))).cycles()
    assert len(found) == LONGEST


calls = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20)


@given(calls)
def test_circles_are_those_who_reach_each_other(edges: list[tuple[int, int]]) -> None:
    """Against the definition, by walking from everyone to everyone."""
    reach = {(caller, callee) for caller, callee in edges}
    for middle in range(8):
        reach |= {(a, d) for a, b in reach for c, d in reach if b == c == middle}
    circles = {frozenset(b for b in range(8) if (a, b) in reach and (b, a) in reach) for a in range(8)} - {frozenset()}
    found = Graph(services(*(f"s{caller} s{callee}" for caller, callee in edges))).cycles()
    assert {frozenset(int(service.name[1:]) for service in group) for group in found} == circles
    assert len(found) == len(circles)
