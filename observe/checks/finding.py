"""A finding: something about the inventory or the pack that a person should know."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from observe.model import Inventory, Path, Position, Service


class Severity(IntEnum):
    """How bad it is; larger is worse."""

    INFO = 1
    """Worth knowing, in order as it is."""
    WARNING = 2
    """Works, but not as well or as safely as it should."""
    ERROR = 3
    """Will not work, or does harm: nothing is written or published."""

    @property
    def title(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, where, why, and the way out. How it is shown is somebody else's job."""

    code: str
    """Stable: `OBS` and three digits."""
    severity: Severity
    position: Position | None
    """Where in the files; None for inventories that were not read from files."""
    subject: str
    """What it is about, such as `service shop/order-service`."""
    problem: str
    """What is wrong and why it matters; continues the subject."""
    remedy: str
    """The way out, as an instruction."""
    silenced: str | None = None
    """The written reason why it is accepted."""

    def __str__(self) -> str:
        where = f"{self.position}: " if self.position else ""
        way = f"silenced: {self.silenced}" if self.silenced else self.remedy
        return f"{where}{self.severity.title} {self.code}: {self.subject} {self.problem}; {way}"

    @property
    def order(self) -> tuple[str, int, int, str, str, str]:
        """Sorting key: by place, then by code."""
        position = self.position
        place = (position.file, position.line, position.column) if position else ("", 0, 0)
        return (*place, self.code, self.subject, self.problem)


def about(
    inventory: Inventory, service: Service, below: Path, code: str, severity: Severity, problem: str, remedy: str
) -> Finding:
    """A finding about a service, at the place of one of its values; silenced when the service says so."""
    silenced = next((silence.reason for silence in service.silence if silence.code == code), None)
    position = inventory.locate(inventory.path(service, *below))
    return Finding(code, severity, position, f"service {service.id}", problem, remedy, silenced)


def about_mesh(inventory: Inventory, below: Path, code: str, severity: Severity, problem: str, remedy: str) -> Finding:
    """A finding about the mesh or one of its namespaces, at the place of a value below `mesh`. Silence is a service's:
    nothing silences it.
    """
    subject = f"namespace {below[1]}" if below[0] == "namespaces" else f"mesh {inventory.mesh.name}"
    return Finding(code, severity, inventory.locate(("mesh", *below)), subject, problem, remedy)


MOST_NAMED: Final = 5


def few(names: Sequence[str]) -> str:
    """Names for a message: the first few, and how many more there are."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
