"""What may happen to a service, told minute by minute, after ten healthy minutes.

Written by hand, for what the generated tests do not think of: odd ways in which requests end, in which pods come and
go, in which proxies report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from observe.simulation import Answer, Caller, Recorder, failure
from observe.simulation import flow as flow_of
from observe.simulation.reports import IN_PLAINTEXT, WEB
from tests.samples import a_mesh

if TYPE_CHECKING:
    from observe.model import Mesh, Service
    from observe.simulation import Flow

BEFORE: Final = 10
"""Healthy minutes."""
HIGH: Final = "ServiceErrorRateHigh"
CRITICAL: Final = "ServiceErrorRateCritical"
LATENCY: Final = "ServiceLatencyHigh"
FEW: Final = "ServiceFailingAtLowTraffic"
EJECTING: Final = "ServiceCircuitBreakerEjecting"
OVERFLOWING: Final = "ServiceConnectionPoolOverflowing"
MTLS: Final = "ServiceMtlsCoverageLow"
PLAINTEXT: Final = "ServicePlaintextCaller"
GONE: Final = "ServiceGone"
LOST: Final = "ServiceTelemetryLost"
STOPPED: Final = "ServiceTrafficStopped"
CONNECTIONS: Final = "ServiceConnectionsFailing"
QUIET: Final[dict[str, str]] = {}
SLOW: Final = 4_000
"""Milliseconds; slower than any objective in the tables."""


def recorder(mesh: Mesh | None = None, **how: Any) -> Recorder:
    """Nothing has happened yet."""
    return Recorder(mesh or a_mesh(), **how)


def flow(*phases: tuple[float, float]) -> Flow:
    """Events per scrape, from phases of so many minutes with so many events per minute."""
    return flow_of(*phases, step=15)


def always_quiet(*minutes: float) -> dict[float, dict[str, str]]:
    return dict.fromkeys(minutes or (9, 11, 12, 13, 14, 16, 18, 20, 25), QUIET)


def healthy(service: Service, per_minute: float = 60, minutes: float = 30, told: Recorder | None = None) -> Recorder:
    return (told or recorder()).requests(service, flow((minutes, per_minute)))


def failing(
    service: Service,
    per_minute: float,
    *,
    of: float = 100,
    minutes: float = 15,
    answer: Answer | None = None,
    caller: Caller = WEB,
    told: Recorder | None = None,
) -> Recorder:
    """So many of the requests fail, for so many minutes; then all is well again."""
    told = told or recorder()
    told.requests(service, flow((BEFORE, of), (minutes, of - per_minute), (15, of)), caller=caller)
    bad = flow((BEFORE, 0), (minutes, per_minute), (15, 0))
    return told.requests(service, bad, answer or failure(service), caller=caller)


def slow(
    service: Service,
    per_minute: float,
    *,
    of: float = 1_000,
    milliseconds: float = SLOW,
    told: Recorder | None = None,
) -> Recorder:
    """So many of the requests are slow, for fifteen minutes."""
    told = told or recorder()
    told.requests(service, flow((BEFORE, of), (15, of - per_minute), (15, of)))
    return told.requests(service, flow((BEFORE, 0), (15, per_minute), (15, 0)), milliseconds=milliseconds)


def plaintext(
    service: Service,
    per_minute: float,
    *,
    of: float = 100,
    caller: Caller = IN_PLAINTEXT,
    told: Recorder | None = None,
) -> Recorder:
    """So many of the requests come in plaintext, for fifteen minutes."""
    told = told or recorder()
    told.requests(service, flow((BEFORE, of), (15, of - per_minute), (15, of)))
    return told.requests(service, flow((BEFORE, 0), (15, per_minute), (15, 0)), caller=caller)


def once(
    service: Service, answer: Answer | None = None, *, milliseconds: float = 20, per_minute: float = 4
) -> Recorder:
    """Barely enough traffic to be judged, and among it one request like this."""
    calm = healthy(service, per_minute)
    return calm.requests(service, flow((12, 0), (0.25, 4), (17.75, 0)), answer, milliseconds=milliseconds)


def client_fault(service: Service) -> Answer:
    """404, or gRPC status NOT_FOUND."""
    return Answer(grpc="5") if service.speaks_grpc else Answer("404")


def outbound(service: Service) -> str:
    return f"outbound|80||{service.name}.{service.namespace}.svc.cluster.local"


def ejected(service: Service, cluster_name: str | None = None) -> Recorder:
    """One client pod of three ejects an instance, for five minutes."""
    cluster, cart = cluster_name or outbound(service), Caller("cart", "front")
    told = healthy(service).ejected(WEB.pods[0], cluster, (BEFORE, 0), (5, 1), (15, 0))
    return told.ejected(WEB.pods[1], cluster, (30, 0)).ejected(cart.pods[0], cluster, (30, 0))
