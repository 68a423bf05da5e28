"""What runs a service: ports, identity and encryption, metrics, and what its proxies need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from observe.model.fields import (
    AppProtocol,
    Cpu,
    DnsLabel,
    Flag,
    HttpPath,
    IpAddress,
    Line,
    Memory,
    OutsideHost,
    PortNumber,
    repeated,
)
from observe.model.quantity import parse_cpu, parse_memory

Protocol = Literal["http", "grpc", "tcp"]

MtlsMode = Literal["STRICT", "PERMISSIVE", "DISABLE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A port of the Kubernetes Service."""

    name: DnsLabel
    """The port's name in the Service."""
    number: PortNumber
    """The port's number in the Service: what callers dial."""
    protocol: Protocol = "http"
    """What is spoken on it. Only http and grpc have request metrics, retries and request-level authorization."""
    target_port: PortNumber | None = None
    """The container's port, when it differs from `number`."""
    app_protocol: AppProtocol | None = None
    """The port's `appProtocol` in the Service, which Istio believes before the port's name."""

    @property
    def container_port(self) -> int:
        """The port the workload listens on: what PeerAuthentication and AuthorizationPolicy count in."""
        return self.target_port or self.number


def distinct_ports(ports: tuple[Port, ...]) -> tuple[Port, ...]:
    """The same ports; raises ValueError when two share their name or number, which Kubernetes refuses."""
    twice = [f"the name {name}" for name in repeated(port.name for port in ports)]
    twice += [f"the number {number}" for number in repeated(port.number for port in ports)]
    if twice:
        raise ValueError(f"has two ports with {' and '.join(twice)}; give each port its own")
    return ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Mtls:
    """Which connections the service's sidecars accept."""

    mode: MtlsMode = "STRICT"
    """STRICT refuses plaintext; PERMISSIVE takes both; DISABLE takes plaintext only."""
    ports: tuple[PortNumber, ...] = ()
    """Container ports that the exception is limited to; the other ports stay STRICT. Empty: the whole service."""
    reason: Line | None = None
    """Why it is not STRICT. Anything but STRICT needs one."""

    def on(self, port: int) -> MtlsMode:
        """What holds on a container port."""
        return self.mode if not self.ports or port in self.ports else "STRICT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Where a service runs that is not in the cluster: on a virtual machine, or at a provider."""

    host: OutsideHost
    """The name that callers dial."""
    addresses: tuple[IpAddress, ...] = ()
    """Where it is; by default its name is looked up in DNS."""
    tls: Flag = False
    """Whether it wants TLS, which the callers' proxies then speak for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Where the application itself offers metrics to Prometheus."""

    port: PortNumber
    """The container's port."""
    path: HttpPath = "/metrics"
    """The path."""
    merged: Flag = True
    """Whether the sidecar's agent offers them together with the proxy's (pod annotations say where), so that
    nobody needs to reach the port. Otherwise Prometheus is admitted to the port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedPorts:
    """Traffic that goes past the proxy: not encrypted, not measured, not authorized by the mesh."""

    inbound: tuple[PortNumber, ...] = ()
    """Container ports whose callers reach the application directly."""
    outbound: tuple[PortNumber, ...] = ()
    """Ports that the application dials directly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a proxy asks for, instead of what is worked out."""

    cpu: Cpu | None = None
    """CPU request."""
    memory: Memory | None = None
    """Memory request."""
    cpu_limit: Cpu | None = None
    """CPU limit."""
    memory_limit: Memory | None = None
    """Memory limit."""

    def __post_init__(self) -> None:
        if self.cpu and self.cpu_limit and parse_cpu(self.cpu) > parse_cpu(self.cpu_limit):
            raise ValueError("has more cpu than cpu_limit, which Kubernetes refuses; raise the limit")
        if self.memory and self.memory_limit and parse_memory(self.memory) > parse_memory(self.memory_limit):
            raise ValueError("has more memory than memory_limit, which Kubernetes refuses; raise the limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What runs the service's pods."""

    kind: Literal["Deployment", "StatefulSet", "DaemonSet"] = "Deployment"
    """Its kind."""
    name: DnsLabel | None = None
    """Its name; the service's when absent."""
