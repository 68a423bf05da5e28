"""What a single check says about a small inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from observe.graph import Graph
from tests.samples import an_inventory

if TYPE_CHECKING:
    from types import ModuleType

    from observe.checks import Check
    from observe.model import Mesh, Service


def found(module: ModuleType, *services: Service, mesh: Mesh | None = None) -> list[str]:
    """The findings as text, in the order the check gives them; without positions, as nothing was read from files."""
    check = cast("Check", module)
    return [str(finding) for finding in check.find(Graph(an_inventory(*services, mesh=mesh)))]
