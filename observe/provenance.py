"""Where a generated value came from: carried beside the value until it is written down, and never in what is written.

A builder wraps what it decides in `Sourced`. What lies below a wrapped mapping or list comes from there too, unless
it is wrapped itself. `plain` gives what is applied; `leaves` gives every single value with its origin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Inventory, Path, Service

T = TypeVar("T")

DECLARED: Final = "declared"
"""Why a value is what it is, when it simply stands in the inventory, or is the default of what stands there."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What decided a value."""

    why: str
    """In words for a reviewer: `role sync`, `what the service declares`, `retries fit into the timeout`."""
    path: Path | None = None
    """The inventory's value that it follows from, for `Inventory.locate`; None for what holds everywhere."""


def declared(inventory: Inventory, service: Service, *below: str | int, why: str = DECLARED) -> Origin:
    """The origin of what follows from a service's value; whether it is written there or a default, `Inventory.written`
    can tell.
    """
    return Origin(why, inventory.path(service, *below))


def of_mesh(*below: str | int, why: str = DECLARED) -> Origin:
    """The origin of what follows from a value of the mesh."""
    return Origin(why, ("mesh", *below))


@dataclass(frozen=True, slots=True)
class Sourced(Generic[T]):
    """A value, and what decided it."""

    value: T
    origin: Origin


@dataclass(frozen=True, slots=True)
class Leaf:
    """A single value of a generated object."""

    path: Path
    """Where it stands in the object."""
    value: str | float | bool | None
    """The value; an empty mapping or list counts as the value None."""
    origin: Origin | None
    """What decided it; None when no builder said."""


def plain(tree: Any) -> Any:
    """The same mappings, lists and values without their origins."""
    if isinstance(tree, Sourced):
        return plain(tree.value)
    if isinstance(tree, dict):
        return {key: plain(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [plain(item) for item in tree]
    return tree


def leaves(tree: Any, path: Path = (), origin: Origin | None = None) -> Iterator[Leaf]:
    """Every single value of a tree in its order, with the origin nearest above it."""
    if isinstance(tree, Sourced):
        yield from leaves(tree.value, path, tree.origin)
    elif isinstance(tree, Mapping | list) and tree:
        items = tree.items() if isinstance(tree, Mapping) else enumerate(tree)
        for key, value in items:
            yield from leaves(value, (*path, key), origin)
    else:
        yield Leaf(path, None if isinstance(tree, Mapping | list) else tree, origin)
