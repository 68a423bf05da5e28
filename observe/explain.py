"""Why a generated object says what it says: every value with what decided it, and where that is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from observe.errors import UsageError
from observe.graph import Graph
from observe.model import dotted
from observe.pack import documents
from observe.provenance import Leaf, leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Inventory, Path, Position


@dataclass(frozen=True, slots=True)
class Reason:
    """One value of a generated object, and what decided it."""

    field: str
    """Where it stands in the object: `spec.http[0].timeout`."""
    value: str | float | bool | None
    why: str
    """In words."""
    key: str
    """The inventory's value that it follows from, as `services.cart.route.timeout`; empty when from none."""
    position: Position | None
    """Where that value is written; None when it is a default, or follows from no single value."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One file of the pack."""

    path: str
    """Where it lies in the pack."""
    reasons: tuple[Reason, ...]
    """Every value but those that only name the object, in its order."""


def explain(inventory: Inventory, wanted: str) -> tuple[Explanation, ...]:
    """What decided the values of the file at `wanted`, or of all files below that folder of the pack.

    Raises UsageError when the pack has no such file or folder that can be explained.
    """
    prefix = wanted.rstrip("/")
    found = {path: tree for path, tree in documents(inventory, Graph(inventory)) if _covers(prefix, path)}
    if not found:
        raise UsageError(f"there is nothing at {wanted!r}; `observe explain` without a path lists what there is")
    return tuple(Explanation(path, tuple(_reasons(inventory, found[path]))) for path in sorted(found))


def explainable(inventory: Inventory) -> tuple[str, ...]:
    """The files of the pack whose values can be explained, sorted."""
    return tuple(sorted(path for path, _ in documents(inventory, Graph(inventory))))


def _covers(prefix: str, path: str) -> bool:
    return path in (prefix, f"{prefix}.yaml") or path.startswith(f"{prefix}/")


def _reasons(inventory: Inventory, tree: Any) -> Iterator[Reason]:
    return (_reason(inventory, leaf) for leaf in leaves(tree) if not names_object(leaf.path))


def names_object(path: Path) -> bool:
    """Whether a value only says which object it is."""
    return path[0] in ("apiVersion", "kind") or path in (("metadata", "name"), ("metadata", "namespace"))


def _reason(inventory: Inventory, leaf: Leaf) -> Reason:
    why, source = (leaf.origin.why, leaf.origin.path) if leaf.origin else ("", None)
    position = inventory.written(source) if source else None
    return Reason(dotted(leaf.path), leaf.value, why, dotted(source or ()), position)
