"""Encryption lets plaintext in, and authorization turns it away: the exception admits nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about
from observe.istio.security.encryption import plaintext_ports, ports_in_words
from observe.istio.security.grants import grants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.model import Service

CODE = "OBS123"
TITLE = "Plaintext is accepted, and then refused for lack of an identity"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for ports that take plaintext without a declared caller who speaks it.

    An identity that a rule asks for is empty without a certificate, so the rule does not match (istio/api
    `authorization_policy.proto`). OBS122 is about exceptions that some callers need and some ports do not.
    """
    for service in graph.inventory.in_mesh:
        enforced = service.mtls.mode == "PERMISSIVE" and service.authorization == "enforce"
        if enforced and (refused := _refused(graph, service)):
            problem = (
                f"takes plaintext on {ports_in_words(refused)}, but no caller without a certificate is declared: "
                "its AuthorizationPolicy asks for identities, and refuses whoever comes without one"
            )
            remedy = "declare them under external_callers with via: direct, or set mtls.mode to STRICT"
            yield about(graph.inventory, service, ("mtls", "mode"), CODE, Severity.WARNING, problem, remedy)


def _refused(graph: Graph, service: Service) -> set[int]:
    admitted = {grant.port.container_port for grant in grants(graph, service) if grant.principal is None}
    refused = plaintext_ports(graph.inventory.mesh, service) - admitted
    return set() if admitted and not service.mtls.ports else refused
