"""When an instance is ejected, and how much may be in flight: from the role, the replicas and the team's choice."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from observe.model import Breaker
from observe.policy.roles import ROLES
from observe.provenance import Origin, Sourced, declared

if TYPE_CHECKING:
    from observe.model import Inventory, Path, Service, Version


@dataclass(frozen=True, slots=True)
class OutlierPolicy:
    """When an instance is ejected, as each calling proxy judges for itself."""

    consecutive_5xx: Sourced[int]
    """Failures in a row."""
    interval: Sourced[int]
    """Milliseconds between reviews."""
    base_ejection_time: Sourced[int]
    """Milliseconds that an instance stays out the first time."""
    max_ejection_percent: Sourced[int]
    """The share of the instances that may be out at once."""
    split_local_origin: Sourced[bool]
    """Whether failed connections are counted apart from answers.

    Not unless asked for: then every connection that opens counts as a success of its own (envoy
    `upstream_request.cc`, `outlier_detection_impl.cc`), so an instance that accepts requests and never answers is
    never ejected. It helps where an answer of 5xx says nothing about the instance that gives it.
    """
    min_health_percent: Sourced[int] | None
    """The share of healthy instances below which ejections are set aside; None: they never are."""


@dataclass(frozen=True, slots=True)
class PoolPolicy:
    """How much may be in flight from one calling proxy."""

    max_connections: Sourced[int]
    """TCP connections."""
    max_pending_requests: Sourced[int]
    """Requests that wait for a connection."""
    max_requests: Sourced[int]
    """Requests in flight."""
    connect_timeout: Sourced[int]
    """Milliseconds that opening a connection may take, the TLS handshake included."""
    max_requests_per_connection: Sourced[int] | None
    """Requests after which a connection is opened anew; None: it is kept."""


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """Limits of the connection pool, and outlier detection."""

    pool: PoolPolicy
    outlier: OutlierPolicy | None
    """None where nothing could be ejected, or everything would be."""


STANDARD: Final = Breaker(
    consecutive_5xx=5,
    interval=10_000,
    base_ejection_time=30_000,
    max_ejection_percent=50,
    split_local_origin=False,
    max_connections=256,
    max_pending_requests=128,
    max_requests=256,
    connect_timeout=1_000,
)
"""What holds where nobody chose. Half of the instances stay whatever happens, and of two one can be ejected. The
limits are what one calling proxy may have open; what a pod takes from all of them is worked out (`arrivals`)."""

LENIENT: Final = Breaker(consecutive_5xx=10, interval=30_000, max_pending_requests=1_024)
"""For workers: a queue may build up, and a slow delivery is no reason to eject."""

OUTSIDE: Final = Breaker(connect_timeout=5_000)
"""For what is not in the cluster: a handshake across the internet takes longer."""


def breaker(inventory: Inventory, service: Service) -> BreakerPolicy:
    """The breaker of a service: its own choice, else its role's."""
    role = Origin(f"role {service.role}", inventory.path(service, "role"))
    outside = declared(inventory, service, "outside", why="outside the cluster")
    choices = (
        (service.breaker, declared(inventory, service, "breaker", why="own choice")),
        (OUTSIDE if service.outside else Breaker(), outside),
        (LENIENT if ROLES[service.role].lenient else Breaker(), role),
        (STANDARD, role),
    )
    return _breaker(choices, possible=ejects(service))


def external_breaker(path: Path | None, addresses: int | None) -> BreakerPolicy:
    """The breaker of a host outside the cluster that is declared at the path and has so many addresses.

    None: DNS decides how many. Then half of them may be out, which of a single one is none.
    """
    origin = Origin("for hosts outside the cluster", path)
    return _breaker(((OUTSIDE, origin), (STANDARD, origin)), possible=addresses != 1)


def _breaker(choices: tuple[tuple[Breaker, Origin], ...], *, possible: bool) -> BreakerPolicy:
    def chosen(policy: type) -> dict[str, Any]:
        return {field.name: _first(field.name, choices) for field in fields(policy)}

    outlier, pool = OutlierPolicy(**chosen(OutlierPolicy)), PoolPolicy(**chosen(PoolPolicy))
    return BreakerPolicy(pool, outlier if possible else None)


def _first(name: str, choices: tuple[tuple[Breaker, Origin], ...]) -> Sourced[Any] | None:
    """The value of the first who chose one, its own place in the inventory where it was written; None of nobody."""
    chosen = ((getattr(who, name), origin) for who, origin in choices if getattr(who, name) is not None)
    value, origin = next(chosen, (None, None))
    if origin is None:
        return None
    written = origin.why == "own choice"
    return Sourced(value, Origin(origin.why, (*origin.path, name)) if written and origin.path else origin)


def instances(service: Service) -> int:
    """Where requests to a service may arrive: its pods, or its addresses outside the cluster."""
    return len(service.outside.addresses) if service.outside and service.outside.addresses else service.replicas


def instances_of(service: Service, version: Version) -> int:
    """The pods of one of its versions."""
    return version.replicas or instances(service)


def ejects(service: Service) -> bool:
    """Whether outlier detection could keep an instance out, and another one remains.

    To eject the only instance turns five errors into an outage of at least the ejection time, so a service with one
    has no outlier detection; unless it asks for that with a `max_ejection_percent` of 100.
    """
    if is_whatever_is_dialled(service):
        return False
    groups = [instances_of(service, version) for version in service.versions] or [instances(service)]
    return max(groups) > 1 or service.breaker.max_ejection_percent == 100


def is_whatever_is_dialled(service: Service) -> bool:
    """Whether nothing tells a service outside the cluster from other hosts on its port: it speaks tcp, which has no
    names, and no addresses are declared.
    """
    outside = service.outside
    return outside is not None and not outside.addresses and any(port.protocol == "tcp" for port in service.ports)


def least_percent(hosts: int) -> int:
    """The smallest maxEjectionPercent that ever ejects one of so many instances.

    Envoy ejects only while 100 * (ejected + 1) / hosts <= maxEjectionPercent (`outlier_detection_impl.cc`).
    """
    return math.ceil(100 / hosts)


def subset_percent(inventory: Inventory, service: Service, index: int) -> Sourced[int] | None:
    """The maxEjectionPercent of a version whose pods need another one than the service's; None where that will do.

    The percentage counts over the version's own pods (istio makes a cluster of each subset). Where they are fewer
    than the service's, the service's may be too little to eject any of them.
    """
    outlier, hosts = breaker(inventory, service).outlier, instances_of(service, service.versions[index])
    if outlier is None or hosts == 1 or outlier.max_ejection_percent.value >= least_percent(hosts):
        return None
    why = f"so that one of {hosts} replicas can be ejected"
    return Sourced(least_percent(hosts), declared(inventory, service, "versions", index, why=why))
