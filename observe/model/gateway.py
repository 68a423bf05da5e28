"""Ingress gateways, and the limits on what comes through them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from observe.model.fields import (
    DnsLabel,
    DnsName,
    Flag,
    HeaderName,
    LabelKey,
    LabelValue,
    Milliseconds,
    PortNumber,
    repeated,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """The cert-manager issuer that signs a gateway's certificate."""

    name: DnsLabel
    """Its name."""
    kind: Literal["ClusterIssuer", "Issuer"] = "ClusterIssuer"
    """Its kind; an Issuer must be in the gateway's namespace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalRateLimit:
    """A limit on all requests through a gateway together, kept by the rate limit service."""

    name: DnsLabel
    """The limit's name."""
    requests: Annotated[int, Field(strict=True, ge=1, le=2_147_483_647)]
    """So many requests."""
    unit: Literal["second", "minute", "hour", "day"] = "minute"
    """In so much time."""
    header: HeaderName | None = None
    """Counted for each value of this header, such as an API key; requests without it are not limited. Absent:
    counted for each client address."""


def distinct_hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """The same hosts; raises ValueError when one is there twice."""
    if twice := repeated(hosts):
        raise ValueError(f"has the host {twice[0]} twice; keep one of the two")
    return hosts


def distinct_limits(limits: tuple[GlobalRateLimit, ...]) -> tuple[GlobalRateLimit, ...]:
    """The same limits; raises ValueError when two share a name, by which they are counted."""
    if twice := repeated(limit.name for limit in limits):
        raise ValueError(f"has two rate limits called {twice[0]}; give each its own name")
    return limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """An ingress gateway: where requests from outside enter the mesh."""

    hosts: Annotated[tuple[DnsName, ...], Field(min_length=1), AfterValidator(distinct_hosts)]
    """The hosts it answers for, with TLS on 443."""
    secret: DnsLabel
    """The Secret with the certificate, in the gateway's namespace."""
    issuer: Issuer | None = None
    """The cert-manager issuer that fills the Secret; absent when something else does."""
    redirect: Flag = True
    """Whether plain HTTP on 80 is answered with a redirect to HTTPS; otherwise 80 is closed."""
    namespace: DnsLabel = "istio-system"
    """The namespace of the gateway's pods."""
    service_account: DnsLabel = "istio-ingressgateway-service-account"
    """The identity of the gateway's pods."""
    labels: Mapping[LabelKey, LabelValue] = field(default_factory=lambda: {"istio": "ingressgateway"})
    """What selects the gateway's pods."""
    rate_limits: Annotated[tuple[GlobalRateLimit, ...], AfterValidator(distinct_limits)] = ()
    """Limits on all requests through the gateway together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimitService:
    """The service that counts for global rate limits (envoyproxy/ratelimit). It must be installed already."""

    namespace: DnsLabel
    """Its namespace; its configuration is created there."""
    service: DnsLabel = "ratelimit"
    """The name of its Kubernetes Service."""
    port: PortNumber = 8081
    """Its gRPC port."""
    timeout: Milliseconds = 50
    """How long a gateway waits for its verdict."""
    on_failure: Literal["allow", "deny"] = "allow"
    """What becomes of requests when it does not answer: an outage of the counter, or one of everything."""
