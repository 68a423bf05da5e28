"""A service without an account of its own shares the namespace's identity: authorization cannot tell it apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.checks.finding import Finding, Severity, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph

CODE = "OBS104"
TITLE = "A service has no service account of its own"

SHARED: Final = "default"
"""The account that Kubernetes gives to pods which name none; naming it changes nothing."""


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each service in the mesh that runs as its namespace's default account."""
    for service in graph.inventory.in_mesh:
        if service.service_account in (None, SHARED):
            problem = (
                f"has no service account of its own: its pods run as {service.namespace}/{SHARED}, "
                "like every other pod there without one, and whoever admits it admits them all"
            )
            remedy = f"create the account {service.name}, set it in the pod template, and give service_account here"
            yield about(graph.inventory, service, ("service_account",), CODE, Severity.WARNING, problem, remedy)
