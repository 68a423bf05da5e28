"""How many requests there are, and how many of them fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.naming import SERVICE_LABELS, record
from observe.promql import Matcher, Selector, or_zero, rate, ratio, sum_by, union
from observe.signals.signal import Signal

if TYPE_CHECKING:
    from observe.model import Mesh

ANSWER_LABELS: Final = ("request_protocol", "response_code", "grpc_response_status", "response_flags")
"""How a request ended."""


def answers(mesh: Mesh, window: str) -> Signal:
    """Requests per second by how they ended, every request counted once: the one place that reads the raw counter."""
    counted = [
        rate(Selector(telemetry.REQUESTS, (*seen, telemetry.NO_SERVICE)), window) for seen in telemetry.vantage(mesh)
    ]
    labels = (*SERVICE_LABELS, *ANSWER_LABELS)
    return Signal(
        id=f"answers-{window}",
        title="Answers",
        unit="requests/s",
        description="Requests per second by response code, gRPC status and response flags.",
        record=record("service_answer", "istio_requests", f"rate{window}"),
        measure=sum_by(labels, union(*counted)),
        labels=labels,
    )


def request_rate(mesh: Mesh, window: str) -> Signal:
    """Requests per second to each service."""
    return Signal(
        id=f"request-rate-{window}",
        title="Request rate",
        unit="requests/s",
        description="Requests per second, as the caller's proxy counts them: also those that never arrived.",
        record=record("service", "istio_requests", f"rate{window}"),
        measure=sum_by(SERVICE_LABELS, answers(mesh, window).where()),
    )


FAULTS: Final[tuple[tuple[Matcher, ...], ...]] = (
    (Matcher("response_code", "=~", "5.."),),
    (
        Matcher("request_protocol", "=", "grpc"),
        Matcher("response_code", "!~", "0|5.."),
        Matcher("grpc_response_status", "=~", telemetry.GRPC_SERVER_FAULTS),
    ),
    (Matcher("response_code", "=", "0"), telemetry.lacks_flag("DC")),
)
"""Disjoint kinds of failure: an HTTP 5xx; a gRPC status that blames the server (the code is 200 then, even for the
proxy's own rejections); no response at all, unless it was the client that went away (DC)."""


def failed_rate(mesh: Mesh, window: str) -> Signal:
    """Failed requests per second, 0 where there are requests and none fails."""
    failed = sum_by(SERVICE_LABELS, union(*(answers(mesh, window).where(fault) for fault in FAULTS)))
    return Signal(
        id=f"failed-rate-{window}",
        title="Failed requests",
        unit="requests/s",
        description="Requests per second that failed by the server's or the network's fault.",
        record=record("service", "istio_requests_failed", f"rate{window}"),
        measure=or_zero(failed, request_rate(mesh, window).where()),
    )


def error_ratio(mesh: Mesh, window: str) -> Signal:
    """Share of requests that fail."""
    return Signal(
        id=f"error-ratio-{window}",
        title="Error rate",
        unit="ratio",
        description="Share of requests that fail: HTTP 5xx, gRPC statuses that blame the server, and no response.",
        record=record("service", "istio_requests_failed", f"ratio_rate{window}"),
        measure=ratio(failed_rate(mesh, window).where(), request_rate(mesh, window).where()),
    )
