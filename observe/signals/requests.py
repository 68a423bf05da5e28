"""How many requests there are, who sends them, and how many of them fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.naming import SERVICE_LABELS, record
from observe.promql import Matcher, Selector, or_zero, rate, ratio, sum_by, union
from observe.signals.signal import Signal

if TYPE_CHECKING:
    from observe.model import Mesh
    from observe.promql import Expr

ANSWER_LABELS: Final = ("request_protocol", "response_code", "grpc_response_status", "response_flags")
"""How a request ended."""
CALLER_LABELS: Final = ("source_workload_namespace", "source_workload")
"""Who sent it."""
EDGE_LABELS: Final = (*CALLER_LABELS, *SERVICE_LABELS)
ENDPOINT_LABELS: Final = (*SERVICE_LABELS, telemetry.ENDPOINT)

FAULTS: Final[tuple[tuple[Matcher, ...], ...]] = (
    (Matcher("response_code", "=~", "5.."),),
    (
        Matcher("request_protocol", "=", "grpc"),
        Matcher("response_code", "!=", "0"),
        Matcher("grpc_response_status", "=~", telemetry.GRPC_SERVER_FAULTS),
    ),
    (Matcher("response_code", "=", "0"), telemetry.lacks_flag("DC")),
)
"""Kinds of failure: an HTTP 5xx; a gRPC status that blames the server (the code is 200 then, even for the
proxy's own rejections); no response at all, unless it was the client that went away (DC)."""

FAILURE: Final = "Share of requests that fail: HTTP 5xx, gRPC statuses that blame the server, and no response."


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests by service, as one rate window shows them."""

    window: int
    """Milliseconds."""
    answers: Signal
    """By how they ended."""
    rate: Signal
    failed: Signal
    errors: Signal
    """The share that fails."""


@dataclass(frozen=True, slots=True)
class Edges:
    """Requests by caller and service."""

    answers: Signal
    """By how they ended: of requests by their callers' reports, the one reading of the raw counter."""
    rate: Signal
    failed: Signal


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Requests by declared operation, as the callee counts them: no other proxy knows the operation."""

    answers: Signal
    rate: Signal
    failed: Signal


def edges(mesh: Mesh, window: str) -> Edges:
    """Requests by caller and service over the window."""
    labels = (*EDGE_LABELS, *ANSWER_LABELS)
    answers = Signal(
        id=f"edge-answers-{window}",
        title="Answers by caller",
        unit="requests/s",
        description="Requests per second by caller, service, response code, gRPC status and response flags.",
        record=record("edge_answer", "istio_requests", f"rate{window}"),
        measure=sum_by(labels, _counted(mesh, window)),
        labels=labels,
    )
    total = Signal(
        id=f"edge-rate-{window}",
        title="Requests by caller",
        unit="requests/s",
        description="Requests per second by caller and service. A caller without a proxy is unknown.",
        record=record("edge", "istio_requests", f"rate{window}"),
        measure=sum_by(EDGE_LABELS, answers.where()),
        labels=EDGE_LABELS,
    )
    failed = Signal(
        id=f"edge-failed-{window}",
        title="Failed requests by caller",
        unit="requests/s",
        description="Requests per second that failed by the server's or the network's fault, by caller and service.",
        record=record("edge", "istio_requests_failed", f"rate{window}"),
        measure=or_zero(sum_by(EDGE_LABELS, faults(answers)), total.where()),
        labels=EDGE_LABELS,
    )
    return Edges(answers, total, failed)


def endpoints(mesh: Mesh, window: str) -> Endpoints:
    """Requests by declared operation over the window."""
    known = Matcher(telemetry.ENDPOINT, "!=", "")
    arrived = Selector(telemetry.REQUESTS, (telemetry.receiver(mesh), known, telemetry.NO_SERVICE))
    labels = (*ENDPOINT_LABELS, *ANSWER_LABELS)
    # In ambient gateways go around the waypoint, which alone knows the operation.
    passing = " through a waypoint" if mesh.data_plane == "ambient" else ""
    nothing = f"no traffic{passing}, or no endpoints declared"
    answers = Signal(
        id=f"endpoint-answers-{window}",
        title="Answers by endpoint",
        unit="requests/s",
        description="Requests per second by declared operation, response code, gRPC status and response flags.",
        record=record("service_endpoint_answer", "istio_requests", f"rate{window}"),
        measure=sum_by(labels, rate(arrived, window)),
        labels=labels,
        absent=nothing,
    )
    total = Signal(
        id=f"endpoint-rate-{window}",
        title="Requests by endpoint",
        unit="requests/s",
        description="Requests per second by declared operation, of those that arrived. What is none of them is other.",
        record=record("service_endpoint", "istio_requests", f"rate{window}"),
        measure=sum_by(ENDPOINT_LABELS, answers.where()),
        labels=ENDPOINT_LABELS,
        absent=nothing,
    )
    failed = Signal(
        id=f"endpoint-failed-{window}",
        title="Failed requests by endpoint",
        unit="requests/s",
        description="Requests per second that arrived and failed, by declared operation.",
        record=record("service_endpoint", "istio_requests_failed", f"rate{window}"),
        measure=or_zero(sum_by(ENDPOINT_LABELS, faults(answers)), total.where()),
        labels=ENDPOINT_LABELS,
        absent=nothing,
    )
    return Endpoints(answers, total, failed)


def requests(mesh: Mesh, milliseconds: int, window: str, by_edge: Edges | None = None) -> Requests:
    """Requests by service over the window; put together from those by edge where there are any."""
    labels = (*SERVICE_LABELS, *ANSWER_LABELS)
    answers = Signal(
        id=f"answers-{window}",
        title="Answers",
        unit="requests/s",
        description="Requests per second by response code, gRPC status and response flags.",
        record=record("service_answer", "istio_requests", f"rate{window}"),
        measure=sum_by(labels, by_edge.answers.where() if by_edge else _counted(mesh, window)),
        labels=labels,
    )
    total = Signal(
        id=f"request-rate-{window}",
        title="Request rate",
        unit="requests/s",
        description="Requests per second, as the caller's proxy counts them: also those that never arrived.",
        record=record("service", "istio_requests", f"rate{window}"),
        measure=sum_by(SERVICE_LABELS, answers.where()),
    )
    failed = Signal(
        id=f"failed-rate-{window}",
        title="Failed requests",
        unit="requests/s",
        description="Requests per second that failed by the server's or the network's fault.",
        record=record("service", "istio_requests_failed", f"rate{window}"),
        measure=or_zero(sum_by(SERVICE_LABELS, faults(answers)), total.where()),
    )
    errors = Signal(
        id=f"error-ratio-{window}",
        title="Error rate",
        unit="ratio",
        description=FAILURE,
        record=record("service", "istio_requests_failed", f"ratio_rate{window}"),
        measure=ratio(failed.where(), total.where()),
    )
    return Requests(milliseconds, answers, total, failed, errors)


def flagged(answers: Requests, flag: str, *, id: str, title: str, description: str, window: str) -> Signal:  # noqa: A002
    """Requests per second with a response flag, 0 where there are requests and none has it."""
    seen = sum_by(SERVICE_LABELS, answers.answers.where((telemetry.has_flag(flag),)))
    return Signal(
        id=f"{id}-{window}",
        title=title,
        unit="requests/s",
        description=description,
        record=record("service", f"istio_requests_{flag.lower()}", f"rate{window}"),
        measure=or_zero(seen, answers.rate.where()),
    )


def faults(answers: Signal) -> Expr:
    """Those of the answers that are failures."""
    return union(*(answers.where(fault) for fault in FAULTS))


def _counted(mesh: Mesh, window: str) -> Expr:
    """Every request once, per second."""
    return union(
        *(rate(Selector(telemetry.REQUESTS, (*seen, telemetry.NO_SERVICE)), window) for seen in telemetry.vantage(mesh))
    )
