"""Plaintext is accepted on ports that nobody who speaks it can be using."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about
from observe.istio.security.encryption import plaintext_ports, ports_in_words
from observe.istio.security.grants import grants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph

CODE = "OBS122"
TITLE = "An mTLS exception is wider than its callers need"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding where callers without a certificate say which operations they use, and so which ports they cannot.

    The ports are not narrowed silently: who is declared is not always who is there.
    """
    for service in graph.inventory.in_mesh:
        mtls = service.mtls
        if mtls.mode == "PERMISSIVE" and not mtls.ports:
            used = {grant.port.container_port for grant in grants(graph, service) if grant.principal is None}
            beside = plaintext_ports(graph.inventory.mesh, service) - used
            if used and beside:
                problem = (
                    f"takes plaintext on {ports_in_words(beside)} too, "
                    "which no declared caller without a certificate can be using"
                )
                remedy = f"write mtls.ports: {sorted(used)}"
                yield about(graph.inventory, service, ("mtls", "mode"), CODE, Severity.WARNING, problem, remedy)
