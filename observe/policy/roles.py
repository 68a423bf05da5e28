"""What a role stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from observe.model import Role


@dataclass(frozen=True, slots=True)
class RoleDefaults:
    """What holds for a service of a role that says nothing of its own."""

    timeout: int
    """Milliseconds of a request with all its tries."""
    attempts: int
    """Tries after the first."""
    lenient: bool = False
    """Whether its breaker is."""


ROLES: Final[dict[Role, RoleDefaults]] = {
    "gateway": RoleDefaults(timeout=15_000, attempts=0),
    "sync": RoleDefaults(timeout=3_000, attempts=2),
    "orchestrator": RoleDefaults(timeout=5_000, attempts=2),
    "external": RoleDefaults(timeout=10_000, attempts=1),
    "worker": RoleDefaults(timeout=10_000, attempts=2, lenient=True),
    "data": RoleDefaults(timeout=3_000, attempts=2),
}
"""A synchronous lookup fails fast; who calls several needs room for the chain; an outside party may be slow, and
is not asked again eagerly; nobody waits for a worker. A gateway retries nothing: it would multiply every retry
below it."""
