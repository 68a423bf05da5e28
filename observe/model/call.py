"""Who calls whom, and with which operations. Attribute docstrings are also the descriptions in the JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from observe.model.fields import (
    Attempts,
    Flag,
    GrpcMethod,
    HttpPath,
    IpAddress,
    Line,
    Milliseconds,
    OutsideHost,
    PortNumber,
    Principal,
    ServiceReference,
)

Method = Literal["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH"]

IDEMPOTENT_METHODS: tuple[Method, ...] = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
"""Methods that may be sent twice with the effect of once (RFC 9110, section 9.2.2; TRACE and CONNECT left out)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often a failed request is tried again."""

    attempts: Attempts
    """Tries after the first one; 0 turns retries off."""
    per_try_timeout: Milliseconds | None = None
    """Limit of one try; by default an even share of the timeout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One operation of the service: an HTTP method and path, or a gRPC method."""

    method: Method | None = None
    """HTTP method."""
    path: HttpPath | None = None
    """HTTP path; `{name}` stands for one segment."""
    grpc: GrpcMethod | None = None
    """gRPC method as `package.Service/Method`."""
    idempotent: Flag | None = None
    """Whether it may be sent twice; by default told by the HTTP method, and false for gRPC."""
    streaming: Flag = False
    """Whether it is open-ended: a streaming gRPC method, server-sent events, a WebSocket. It gets no timeout."""
    timeout: Milliseconds | None = None
    """The endpoint's own limit."""
    retries: Retries | None = None
    """The endpoint's own retries."""

    def __post_init__(self) -> None:
        http = (self.method is not None, self.path is not None)
        if self.grpc is None and http != (True, True):
            raise ValueError("is no operation yet; give both method and path, or grpc alone")
        if self.grpc is not None and any(http):
            raise ValueError("has grpc together with method or path; write two endpoints")
        if self.streaming and self.timeout is not None:
            raise ValueError("is streaming and has a timeout, which would cut every stream; remove one of the two")

    @property
    def title(self) -> str:
        return self.grpc or f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call from this service to another one."""

    service: ServiceReference
    """The callee's key in the inventory."""
    port: PortNumber | None = None
    """The callee's port that is dialled; needed only where it has several."""
    timeout: Milliseconds | None = None
    """The caller's own limit, instead of the callee's."""
    retries: Retries | None = None
    """The caller's own retries, instead of the callee's."""
    endpoints: tuple[Endpoint, ...] = ()
    """The operations it uses; all of the callee's when empty. The caller is admitted to these alone."""
    asynchronous: Flag = False
    """A notification that is sent after the triggering request was answered: authorized like any call, but no
    part of a request chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalHost:
    """A host outside the cluster that this service calls."""

    host: OutsideHost
    """Its DNS name."""
    port: PortNumber = 443
    """Its port."""
    protocol: Literal["https", "http", "tls", "tcp"] = "https"
    """What the service speaks to it; https and tls are opaque to the mesh."""
    addresses: tuple[IpAddress, ...] = ()
    """Its fixed addresses. A tcp host needs them to be told apart from other hosts on the same port."""
    originate_tls: Flag = False
    """Whether the proxy turns the service's plain HTTP into TLS: the service speaks `http` on `port`, the host
    hears TLS on 443. Only then does the mesh see single requests to it."""

    def __post_init__(self) -> None:
        if self.originate_tls and self.protocol != "http":
            raise ValueError("has originate_tls without protocol http; TLS that the service speaks is there already")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalCaller:
    """Somebody outside the mesh who calls this service."""

    name: Line
    """Who it is."""
    via: Literal["ingress", "direct", "mesh"] = "ingress"
    """`ingress`: through the ingress gateway, which speaks mTLS into the mesh. `direct`: straight to the pods,
    without a client certificate, as a webhook sender behind a plain load balancer does. `mesh`: with an Istio
    identity that is in no inventory of this mesh, as a workload of another trust domain has."""
    principal: Principal | None = None
    """The identity of a caller via `mesh`."""
    endpoints: tuple[Endpoint, ...] = ()
    """The operations they use; all of the service's when empty."""

    def __post_init__(self) -> None:
        if (self.via == "mesh") != (self.principal is not None):
            raise ValueError("has one of via: mesh and principal without the other; give both, or neither")
