"""One service's traffic, split by the other side, by operation, by code and by flag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.boards.panel import Line, Panel, Query
from observe.boards.plot import chart, series
from observe.promql import Matcher, equal, ratio, sum_by
from observe.signals.requests import CALLER_LABELS
from observe.telemetry import ENDPOINT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Service
    from observe.signals import Catalogue, Signal

CALLER: Final = "{{source_workload_namespace}}/{{source_workload}}"
CALLEE: Final = "{{destination_service_namespace}}/{{destination_service_name}}"
UNKNOWN: Final = "Callers without a proxy are counted together, as unknown."
GRPC: Final = Matcher("request_protocol", "=", "grpc")
NOT_GRPC: Final = Matcher("request_protocol", "!=", "grpc")
FLAGGED: Final = Matcher("response_flags", "!=", "-")
STATUSES: Final = (
    "A failed gRPC call has HTTP code 200, its status tells: 0 OK, 2 UNKNOWN, 4 DEADLINE_EXCEEDED, 5 NOT_FOUND, "
    "7 PERMISSION_DENIED, 8 RESOURCE_EXHAUSTED, 12 UNIMPLEMENTED, 13 INTERNAL, 14 UNAVAILABLE."
)
FLAGS: Final = (
    "Requests about which a proxy had something to say: UO refused by a pool limit, UH no healthy instance, UF no "
    "connection, UC connection cut, UT too slow, URX out of retries, NR no route, DC the client left."
)


def callers(signals: Catalogue, service: Service) -> Iterator[Panel]:
    """Who sends requests, and whose requests fail."""
    rate, failed = signals.edges.rate.of(service), signals.edges.failed.of(service)
    says = f"Who sends how much. {UNKNOWN}"
    yield chart("callers-rate", signals.edges.rate, "Requests by caller", says, Query(rate, CALLER))
    says = f"Share of each caller's requests that fail, as the error rate counts failures. {UNKNOWN}"
    share = Query(ratio(failed, rate), CALLER)
    yield chart("callers-errors", signals.edges.rate, "Error rate by caller", says, share, unit="ratio")


def connections(signals: Catalogue, service: Service) -> Iterator[Panel]:
    """Who opens TCP connections, and whether they succeed."""
    tcp = signals.connections
    says = f"New TCP connections per second; the mesh does not see single requests on them. {UNKNOWN}"
    by_caller = Query(tcp.by_caller.of(service), CALLER)
    yield chart("callers-connections", tcp.by_caller, "Connections by caller", says, by_caller)
    opened = Query(tcp.opened.of(service), tcp.opened.title)
    yield series(tcp.opened, opened, Line(tcp.failed.of(service), tcp.failed.title, tone="critical"))
    both = (Query(signal.of(service), signal.title) for signal in (tcp.received, tcp.sent))
    yield chart("tcp-bytes", tcp.received, "TCP bytes", "Bytes per second over TCP connections, both ways.", *both)


def callees(signals: Catalogue, service: Service) -> Iterator[Panel]:
    """What the service asks of others, and how they answer."""
    caller = equal(dict(zip(CALLER_LABELS, (service.namespace, service.workload_name), strict=True)))
    rate, failed = signals.edges.rate.where(caller), signals.edges.failed.where(caller)
    says = "Requests that this service sends, by where they go."
    yield chart("callees-rate", signals.edges.rate, "Requests by callee", says, Query(rate, CALLEE))
    says = "Share of this service's own requests that fail, by where they go."
    share = Query(ratio(failed, rate), CALLEE)
    yield chart("callees-errors", signals.edges.rate, "Error rate by callee", says, share, unit="ratio")


def endpoints(signals: Catalogue, service: Service) -> Iterator[Panel]:
    """Which of its operations are used, and which fail."""
    rate, failed = signals.endpoints.rate.of(service), signals.endpoints.failed.of(service)
    legend = f"{{{{{ENDPOINT}}}}}"
    yield series(signals.endpoints.rate, Query(rate, legend))
    says = (
        "Share of each operation's requests that fail, of those that arrived, as the service answers them. What "
        "callers gave up waiting for, or could not deliver, is in the error rate alone."
    )
    share = Query(ratio(failed, rate), legend)
    title = "Error rate by endpoint, of what arrived"
    yield chart("endpoints-errors", signals.endpoints.rate, title, says, share, unit="ratio")


def responses(signals: Catalogue, service: Service) -> Iterator[Panel]:
    """Codes, statuses and the proxies' own words for what went wrong."""
    answers = signals.slow.answers
    says = f"Responses per second. Code 0 is no response.{f' {STATUSES}' if service.speaks_grpc else ''}"
    yield chart("response-codes", answers, "Response codes", says, *_codes(service, answers))
    flags = Query(sum_by(("response_flags",), answers.of(service).where(FLAGGED)), "{{response_flags}}")
    yield chart("response-flags", answers, "Response flags", FLAGS, flags, absent="no request was flagged")


def _codes(service: Service, answers: Signal) -> Iterator[Query]:
    seen = answers.of(service)
    if any(port.protocol == "http" for port in service.ports):
        yield Query(sum_by(("response_code",), seen.where(NOT_GRPC)), "HTTP {{response_code}}")
    if service.speaks_grpc:
        both = sum_by(("grpc_response_status", "response_code"), seen.where(GRPC))
        yield Query(both, "gRPC {{grpc_response_status}} (HTTP {{response_code}})")
