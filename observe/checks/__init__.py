"""Findings over the inventory: one check per module, named as its users name it.

A check module has `CODE`, `TITLE` and `find(graph)`. Putting the file here is all it takes: it is found by its being
here, and a test asks for its section in `docs/checks.md`.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Protocol, cast

from observe.checks.finding import Finding, Severity
from observe.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Inventory

__all__ = ["Check", "Finding", "Severity", "all_checks", "over_inventory"]


class Check(Protocol):
    """What a check module offers."""

    CODE: str
    TITLE: str

    def find(self, graph: Graph) -> Iterator[Finding]:
        """The findings about `graph.inventory`, in any order."""


@cache
def all_checks() -> tuple[Check, ...]:
    """Every check of this package, by code."""
    names = (module.name for module in pkgutil.iter_modules(__path__) if module.name != "finding")
    modules = (cast(Check, importlib.import_module(f"{__name__}.{name}")) for name in names)
    return tuple(sorted(modules, key=lambda check: check.CODE))


def over_inventory(inventory: Inventory) -> tuple[Finding, ...]:
    """All findings about an inventory, by place; silenced ones included and marked."""
    graph = Graph(inventory)
    found = [finding for check in all_checks() for finding in check.find(graph)]
    return tuple(sorted(found, key=lambda finding: finding.order))
