"""How much of what arrives is encrypted and authenticated.

Requests (HTTP, gRPC) and new TCP connections are counted apart, by the label `kind`: they cannot be added up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.naming import SERVICE_LABELS, record
from observe.promql import Aggregation, Expr, Function, Matcher, Selector, or_zero, rate, ratio, sum_by, tagged, union
from observe.signals.signal import Signal

if TYPE_CHECKING:
    from observe.model import Mesh

KIND_LABELS: Final = (*SERVICE_LABELS, "kind")
PEER_LABELS: Final = (
    *KIND_LABELS,
    "source_workload_namespace",
    "source_workload",
    "connection_security_policy",
)
"""Who called, and how the connection was secured."""
INSIDE: Final = Matcher("source_workload", "!=", telemetry.OUTSIDE)
READY_FOR: Final = "1d"
"""How long no plaintext must have come before a service counts as ready for STRICT: nightly jobs included."""
KINDS: Final = (("request", telemetry.REQUESTS), ("connection", telemetry.TCP_OPENED))


def arrivals(mesh: Mesh, window: str) -> Signal:
    """What arrived, by caller and security, as the callee counts it: only its proxy knows whether it was encrypted.

    The one place that reads the raw counters; an edge of the call graph is a series of it.
    """
    scope = (telemetry.receiver(mesh), telemetry.NO_SERVICE)
    rates = (tagged(rate(Selector(raw, scope), window), "kind", kind) for kind, raw in KINDS)
    return Signal(
        id=f"arrivals-{window}",
        title="Arrivals",
        unit="per second",
        description="Requests (HTTP, gRPC) and new TCP connections per second, by caller and security.",
        record=record("service_peer", "istio_received", f"rate{window}"),
        measure=sum_by(PEER_LABELS, union(*rates)),
        labels=PEER_LABELS,
    )


def received(mesh: Mesh, window: str) -> Signal:
    """How much there is to judge: requests and connections together."""
    return Signal(
        id=f"received-{window}",
        title="Received requests and connections",
        unit="per second",
        description="Requests (HTTP, gRPC) and new TCP connections per second, as the callee counts them.",
        record=record("service", "istio_received", f"rate{window}"),
        measure=sum_by(SERVICE_LABELS, arrivals(mesh, window).where()),
    )


def received_inside(mesh: Mesh, window: str) -> Signal:
    """How much of it came from callers with a proxy."""
    return Signal(
        id=f"received-inside-{window}",
        title="Received from callers in the mesh",
        unit="per second",
        description="Requests (HTTP, gRPC) and new TCP connections per second from callers that have a proxy.",
        record=record("service", "istio_received_inside", f"rate{window}"),
        measure=sum_by(SERVICE_LABELS, arrivals(mesh, window).where((INSIDE,))),
    )


def plaintext(mesh: Mesh, window: str) -> Signal:
    """What arrives without mutual TLS, 0 where everything is encrypted."""
    arrived = arrivals(mesh, window)
    seen = sum_by(SERVICE_LABELS, arrived.where((telemetry.PLAINTEXT,)))
    return Signal(
        id=f"plaintext-{window}",
        title="Plaintext",
        unit="per second",
        description="Requests and new TCP connections per second that arrived without mutual TLS.",
        record=record("service", "istio_plaintext", f"rate{window}"),
        measure=or_zero(seen, received(mesh, window).where()),
    )


def plaintext_inside(mesh: Mesh, window: str) -> Signal:
    """The same, of callers that have a proxy."""
    arrived = arrivals(mesh, window)
    seen = sum_by(SERVICE_LABELS, arrived.where((telemetry.PLAINTEXT, INSIDE)))
    return Signal(
        id=f"plaintext-inside-{window}",
        title="Plaintext from callers in the mesh",
        unit="per second",
        description="Requests and new TCP connections per second without mutual TLS from callers that have a proxy.",
        record=record("service", "istio_plaintext_inside", f"rate{window}"),
        measure=or_zero(seen, received(mesh, window).where()),
    )


def plaintext_lately(mesh: Mesh, window: str) -> Signal:
    """The most plaintext of the last day but its last minutes: none means that the service was ready for STRICT."""
    seen = plaintext_inside(mesh, window).where().over(f"{READY_FOR}:10m")
    return Signal(
        id="plaintext-lately",
        title="Most plaintext of the last day",
        unit="per second",
        description=(
            "The most plaintext from callers that have a proxy within the last day, its last 15 minutes left out. "
            "Zero: nothing would have been cut off by STRICT."
        ),
        record=record("service", "istio_plaintext_inside", f"max{READY_FOR}"),
        measure=Function("max_over_time", (seen.before("15m"),)),
        absent="no traffic within the last day",
    )


def coverage(mesh: Mesh, window: str) -> Signal:
    """Share of what arrives that came over mutual TLS; the lower of the shares for requests and connections."""
    return Signal(
        id=f"mtls-coverage-{window}",
        title="mTLS coverage",
        unit="ratio",
        description=(
            "Share of requests and of new TCP connections that arrived over mutual TLS, the lower of the two. Only the "
            "callee knows, so only its reports count; what STRICT refuses never arrives and is not in here."
        ),
        record=record("service", "istio_mtls", f"ratio_rate{window}"),
        measure=_lower_share(arrivals(mesh, window)),
    )


def coverage_inside(mesh: Mesh, window: str) -> Signal:
    """The same, for callers that have a proxy: what an exception for outside callers must not hide."""
    return Signal(
        id=f"mtls-coverage-inside-{window}",
        title="mTLS coverage of callers in the mesh",
        unit="ratio",
        description="As mTLS coverage, without callers outside the mesh, for whom an exception was declared.",
        record=record("service", "istio_mtls_inside", f"ratio_rate{window}"),
        measure=_lower_share(arrivals(mesh, window), INSIDE),
    )


def _lower_share(arrived: Signal, *scope: Matcher) -> Expr:
    whole = sum_by(KIND_LABELS, arrived.where(scope))
    part = sum_by(KIND_LABELS, arrived.where((*scope, telemetry.ENCRYPTED)))
    return Aggregation("min", SERVICE_LABELS, ratio(or_zero(part, whole), whole))
