"""Prometheus comes without a certificate to a port of the application: the port takes plaintext for its sake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about
from observe.istio.security.encryption import scraped_in_plaintext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.model import Service

CODE = "OBS129"
TITLE = "Metrics are scraped in plaintext"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each exception that a scrape takes, of those that were not declared anyway."""
    mesh = graph.inventory.mesh
    for service in graph.inventory.in_mesh:
        metrics = scraped_in_plaintext(mesh, service)
        if metrics and service.mtls.on(metrics.port) == "STRICT":
            problem = (
                f"has its metrics scraped by a Prometheus without a certificate: port {metrics.port} takes plaintext"
                f"{_beside(service, metrics.port)}"
            )
            merged = "set metrics.merged to true, or " if mesh.data_plane == "sidecar" else ""
            remedy = f"{merged}give Prometheus a certificate and its account in mesh.prometheus.service_account"
            yield about(graph.inventory, service, ("metrics", "port"), CODE, Severity.WARNING, problem, remedy)


def _beside(service: Service, port: int) -> str:
    if port not in {one.container_port for one in service.ports}:
        return ""
    return " although requests arrive there, and each scrape counts among them as one that was not encrypted"
