"""The whole inventory: the mesh and its services, with every reference resolved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TypeAlias

from observe.model.mesh import Mesh
from observe.model.service import Service

Path: TypeAlias = tuple[str | int, ...]
"""Where a value stands in the inventory, such as `("services", "order-service", "calls", 0)`."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where a value stands in the files; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


def dotted(path: Path) -> str:
    """`spec.http[0].timeout`; a key that holds a dot or a slash itself is quoted."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{_quoted(part)}" for part in path)
    return "".join(parts).removeprefix(".")


def _quoted(key: str) -> str:
    return f'"{key}"' if "." in key or "/" in key else key


def nowhere(path: Path) -> Position | None:  # noqa: ARG001 - the shape of a locator
    """The locator of an inventory that was not read from files."""
    return None


@dataclass(frozen=True)
class Inventory:
    """The mesh and its services, sorted by namespace and name.

    Every `Call.service` is the id (`namespace/name`) of a service that is here: who builds an inventory by hand
    keeps to that, the loader guarantees it.
    """

    mesh: Mesh
    services: tuple[Service, ...]
    locate: Callable[[Path], Position | None] = field(default=nowhere, compare=False, repr=False)
    """Where a value stands in the files it was read from."""
    written: Callable[[Path], Position | None] = field(default=nowhere, compare=False, repr=False)
    """Where exactly a value is written; None when nobody wrote it, so that the model's default holds."""
    keys: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    """Service id to the key it was declared under."""
    day: date | None = field(default=None, compare=False)
    """The day on which it was read: what has expired by then is found. Nothing that is generated depends on it."""

    @cached_property
    def by_id(self) -> Mapping[str, Service]:
        return {service.id: service for service in self.services}

    @cached_property
    def by_namespace(self) -> Mapping[str, tuple[Service, ...]]:
        """The services of each namespace that has any."""
        found: dict[str, list[Service]] = {}
        for service in self.services:
            found.setdefault(service.namespace, []).append(service)
        return {namespace: tuple(services) for namespace, services in found.items()}

    @cached_property
    def by_pods(self) -> Mapping[tuple[str, frozenset[tuple[str, str]]], tuple[Service, ...]]:
        """The services of the mesh that stand for the same pods: by namespace and selector."""
        found: dict[tuple[str, frozenset[tuple[str, str]]], list[Service]] = {}
        for service in self.in_mesh:
            found.setdefault((service.namespace, frozenset(service.selector.items())), []).append(service)
        return {pods: tuple(services) for pods, services in found.items()}

    def with_pods_of(self, service: Service) -> tuple[Service, ...]:
        """A service of the mesh and those that stand for the same pods, in their order."""
        return self.by_pods[service.namespace, frozenset(service.selector.items())]

    @property
    def in_mesh(self) -> tuple[Service, ...]:
        """The services that have a proxy, and so configuration and telemetry."""
        return tuple(service for service in self.services if service.in_mesh)

    def path(self, service: Service, *below: str | int) -> Path:
        """The path of a service's value, for `locate`."""
        return ("services", self.keys.get(service.id, service.name), *below)
