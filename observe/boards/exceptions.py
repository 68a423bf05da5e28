"""The exceptions from mutual TLS that the inventory declares, as a page for review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.boards import markdown
from observe.boards.about import accepted

if TYPE_CHECKING:
    from observe.model import Inventory, Service


def exceptions(inventory: Inventory) -> str:
    """Every service that takes plaintext, what exactly, why, and who answers for it."""
    rows = tuple(
        _row(service) for service in inventory.services if not service.in_mesh or service.mtls.mode != "STRICT"
    )
    if not rows:
        return "None: every service of the inventory is in the mesh and takes mutual TLS only."
    return markdown.table(("Service", "Owner", "Takes", "Who calls without a certificate"), rows)


def _row(service: Service) -> tuple[str, ...]:
    direct = (caller.name for caller in service.external_callers if caller.via == "direct")
    callers = ", ".join(map(markdown.escape, direct)) or "none declared"
    return service.id, markdown.escape(service.owner), accepted(service), callers
