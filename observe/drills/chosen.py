"""Incidents that happen to a service of one's own choice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from observe.errors import UsageError
from observe.simulation import INCIDENTS, incident
from observe.simulation.cast import Cast, Impossible

if TYPE_CHECKING:
    from collections.abc import Callable

    from observe.model import Inventory, Service
    from observe.simulation import Incident


@dataclass(frozen=True)
class _Given(Cast):
    """A cast in which one service gets every part that it fits."""

    service: Service

    def busiest(self, fits: Callable[[Service], bool] = lambda _: True) -> Service | None:
        """The service, where it is called and fits."""
        return self.service if self.service.in_mesh and self.callers(self.service) and fits(self.service) else None

    def named(self, *words: str, role: str) -> Service | None:  # noqa: ARG002 - whatever it is called
        return self.busiest()

    def leaf(self) -> Service | None:
        return self.service if self.waiting(self.service) else None


def chosen(inventory: Inventory, name: str, service: str | None = None, minutes: float | None = None) -> Incident:
    """The incident of that name; `service` is the id of whom it happens to, `minutes` how long it lasts.

    Of one that is over sooner than usual no alert is expected: it is played to find out what fires. Raises UsageError
    when there is no such incident or service, and Impossible when it cannot happen to it.
    """
    found = incident(inventory, name) if service is None else _of(inventory, name, service)
    if minutes is None:
        return found
    return replace(found, lasts=minutes, expects=found.expects if minutes >= found.lasts else ())


def _of(inventory: Inventory, name: str, service: str) -> Incident:
    if name not in INCIDENTS:
        return incident(inventory, name)  # which says what there is
    if service not in inventory.by_id:
        like = get_close_matches(service, inventory.by_id, n=1)
        hint = f"did you mean {like[0]}?" if like else "write it as NAMESPACE/NAME"
        raise UsageError(f"there is no service {service}; {hint}")
    found = INCIDENTS[name].cast(_Given(inventory, inventory.by_id[service]))
    if found.services != (service,):
        whose = ", ".join(found.services) or "the mesh"
        raise Impossible(f"{name} chooses whom it happens to ({whose}); leave out --service")
    return found
