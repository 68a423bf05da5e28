"""What gateways pass on: the exposures of all services, by gateway and host, and how their requests are treated."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from observe.istio.traffic.route import Route
    from observe.model import Exposure, Inventory, Service


@dataclass(frozen=True, slots=True)
class Exposed:
    """A service behind a host of a gateway."""

    service: Service
    index: int
    """Which of the service's exposures it is."""

    @property
    def exposure(self) -> Exposure:
        return self.service.exposures[self.index]


ByHost: TypeAlias = "Mapping[tuple[str, str], tuple[Exposed, ...]]"


def by_host(inventory: Inventory) -> ByHost:
    """The exposures of each gateway and host, the longest path first: the first match counts."""
    found: defaultdict[tuple[str, str], list[Exposed]] = defaultdict(list)
    for service in inventory.services:
        for index, exposure in enumerate(service.exposures):
            found[exposure.gateway, exposure.host].append(Exposed(service, index))
    return {key: tuple(sorted(exposures, key=_longest_first)) for key, exposures in found.items()}


def _longest_first(exposed: Exposed) -> tuple[int, str]:
    return (-len(exposed.exposure.path), exposed.exposure.path)


def by_timeout(made: Iterable[Route]) -> tuple[Route, ...]:
    """The routes where nothing but timeouts tells requests apart: all methods of an operation are one, and operations
    of a port have routes of their own only where one of them has another timeout than the rest.
    """
    alike = [route for route in made if not route.methods]
    usual = {route.port.value: route.policy.timeout.value for route in alike if not route.operation}
    special = {route.port.value for route in alike if route.policy.timeout.value != usual[route.port.value]}
    return tuple(route for route in alike if not route.operation or route.port.value in special)
