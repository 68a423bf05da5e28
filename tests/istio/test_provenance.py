"""Every value of every generated object says what decided it, and names values that the inventory really has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from observe.explain import names_object
from observe.graph import Graph
from observe.inventory import load
from observe.pack import documents
from observe.provenance import Leaf, Origin, Sourced, leaves, plain
from tests.conftest import INVENTORIES

if TYPE_CHECKING:
    from observe.model import Inventory, Path


def test_what_lies_below_a_wrapped_value_comes_from_there_unless_it_says_otherwise() -> None:
    outer, inner = Origin("outer"), Origin("inner", ("mesh", "name"))
    tree = {"a": Sourced({"b": 1, "c": [Sourced(2, inner), 3]}, outer), "d": 4, "e": Sourced({}, inner)}
    assert list(leaves(tree)) == [
        Leaf(("a", "b"), 1, outer),
        Leaf(("a", "c", 0), 2, inner),
        Leaf(("a", "c", 1), 3, outer),
        Leaf(("d",), 4, None),
        Leaf(("e",), None, inner),
    ]
    assert plain(tree) == {"a": {"b": 1, "c": [2, 3]}, "d": 4, "e": {}}


@pytest.mark.parametrize("source", INVENTORIES)
def test_every_value_says_what_decided_it(source: str) -> None:
    inventory = load(source)
    silent = [(path, leaf.path) for path, leaf in all_leaves(inventory) if leaf.origin is None or not leaf.origin.why]
    assert not silent


@pytest.mark.parametrize("source", INVENTORIES)
def test_every_origin_is_a_value_of_the_inventory(source: str) -> None:
    inventory = load(source)
    paths = {leaf.origin.path for _, leaf in all_leaves(inventory) if leaf.origin and leaf.origin.path}
    assert paths
    assert not [path for path in paths if not leads_somewhere(inventory, path)]


def all_leaves(inventory: Inventory) -> list[tuple[str, Leaf]]:
    found = documents(inventory, Graph(inventory))
    return [(path, leaf) for path, tree in found for leaf in leaves(tree) if not names_object(leaf.path)]


def leads_somewhere(inventory: Inventory, path: Path) -> bool:
    """Whether a path, followed through the model, ends at a value that is there."""
    section, *below = path
    value: Any = inventory.mesh
    if section == "services":
        by_key = {inventory.keys.get(one.id, one.name): one for one in inventory.services}
        value, below = by_key.get(str(below[0])), below[1:]
    for part in below:
        if isinstance(part, int):
            value = value[part] if isinstance(value, tuple) and part < len(value) else None
        else:
            value = value.get(part) if isinstance(value, Mapping) else getattr(value, part, None)
    return value is not None
