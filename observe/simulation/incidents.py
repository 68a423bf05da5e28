"""The catalogue of incidents. Each chooses its services by rule, so it can happen in any inventory that allows it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from observe.errors import UsageError
from observe.simulation.cast import Cast, Impossible
from observe.simulation.incident import Incident, Plan
from observe.simulation.incidents_of_mesh import OF_MESH
from observe.simulation.incidents_of_requests import OF_REQUESTS
from observe.simulation.incidents_of_security import OF_SECURITY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from observe.model import Inventory

__all__ = ["INCIDENTS", "Impossible", "Incident", "Plan", "incident", "incidents"]

INCIDENTS: Final[Mapping[str, Plan]] = MappingProxyType(
    {plan.name: plan for plan in (*OF_REQUESTS, *OF_SECURITY, *OF_MESH)}
)
"""The plans of all incidents, by name."""


def incident(inventory: Inventory, name: str) -> Incident:
    """The incident of that name, as it happens in this inventory.

    Raises UsageError when there is none of the name, and Impossible, which is one, when it cannot happen here.
    """
    if name not in INCIDENTS:
        raise UsageError(f"there is no incident {name}; take one of {', '.join(INCIDENTS)}")
    return INCIDENTS[name].cast(Cast(inventory))


def incidents(inventory: Inventory) -> tuple[Incident, ...]:
    """All incidents that can happen in this inventory, in the catalogue's order."""
    cast = Cast(inventory)
    possible = (_if_possible(plan, cast) for plan in INCIDENTS.values())
    return tuple(found for found in possible if found)


def _if_possible(plan: Plan, cast: Cast) -> Incident | None:
    try:
        return plan.cast(cast)
    except Impossible:
        return None
