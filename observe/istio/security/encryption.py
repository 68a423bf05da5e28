"""Which connections a workload's ports take, and who comes without an identity: what authentication and
authorization both follow from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from observe.graph import Edge
    from observe.model import Mesh, Metrics, Port, Service


def past_proxy(mesh: Mesh, service: Service, port: int) -> bool:
    """Whether what arrives on a container port never meets the proxy. Ztunnel captures every port."""
    return mesh.data_plane == "sidecar" and port in service.excluded_ports.inbound


def hides_identity(mesh: Mesh, service: Service, port: int) -> bool:
    """Whether even callers with a certificate come to a container port without: their proxies see that it takes no
    mTLS, and send plaintext (istio `pilot/pkg/xds/endpoints/mtls_checker.go`). Ztunnel takes both under DISABLE.
    """
    return mesh.data_plane == "sidecar" and service.mtls.on(port) == "DISABLE"


def takes_plaintext(mesh: Mesh, service: Service, port: int) -> bool:
    """Whether callers without a certificate get through to a container port, as far as encryption is concerned."""
    return service.mtls.on(port) != "STRICT" or past_proxy(mesh, service, port)


def plaintext_ports(mesh: Mesh, service: Service) -> set[int]:
    """The Service's container ports where the proxy takes plaintext."""
    ports = {port.container_port for port in service.ports if service.mtls.on(port.container_port) != "STRICT"}
    return {port for port in ports if not past_proxy(mesh, service, port)}


def ports_in_words(ports: Iterable[int]) -> str:
    """`port 8080, 9000`."""
    return f"port {', '.join(map(str, sorted(ports)))}"


def is_anonymous(mesh: Mesh, edge: Edge, port: Port) -> bool:
    """Whether a call comes without an identity: from a caller that has no proxy, or past it."""
    past = mesh.data_plane == "sidecar" and port.number in edge.caller.excluded_ports.outbound
    return past or not edge.caller.in_mesh


def dialled(edge: Edge) -> tuple[Port, ...]:
    """The callee's ports that a call may arrive at: none when it names one that is not there, as OBS102 says."""
    number = edge.call.port
    return tuple(port for port in edge.callee.ports if number is None or port.number == number)


def scraped(mesh: Mesh, service: Service) -> Metrics | None:
    """The application's metrics where Prometheus comes for them to the proxy's front. In an ambient mesh it always
    does: no sidecar's agent is there to offer them on its own port.
    """
    metrics = service.metrics
    if metrics is None or not service.in_mesh or past_proxy(mesh, service, metrics.port):
        return None
    return metrics if not metrics.merged or mesh.data_plane == "ambient" else None


def scraped_in_plaintext(mesh: Mesh, service: Service) -> Metrics | None:
    """The application's metrics where Prometheus comes for them without a certificate."""
    return scraped(mesh, service) if mesh.prometheus.service_account is None else None
