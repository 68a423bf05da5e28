"""A service without an account of its own shares the namespace's identity: authorization cannot tell it apart."""

from __future__ import annotations

from collections.abc import Iterator

from observe.checks.finding import Finding, Severity, about
from observe.graph import Graph
from observe.model import Inventory

CODE = "OBS104"
TITLE = "A service has no service account of its own"


def find(inventory: Inventory, graph: Graph) -> Iterator[Finding]:
    for service in inventory.in_mesh:
        if service.service_account is None:
            problem = (
                f"has no service account: its pods run as {service.namespace}/default, like every other pod there "
                "without one, and whoever admits it admits them all"
            )
            remedy = f"create the account {service.name}, set it in the pod template, and give service_account here"
            yield about(inventory, service, (), CODE, Severity.WARNING, problem, remedy)
