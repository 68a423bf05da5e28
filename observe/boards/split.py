"""One service's traffic, split by the other side, by code and by flag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.boards import traffic
from observe.boards.panel import Panel, Query
from observe.boards.plot import NOT_REPORTED, chart
from observe.promql import Matcher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Mesh, Service

CALLER: Final = "{{source_workload_namespace}}/{{source_workload}}"
CALLEE: Final = "{{destination_service_namespace}}/{{destination_service_name}}"
UNKNOWN: Final = "Callers without a proxy are counted together, as unknown."
OWN_NAME: Final = "The workload is taken to have the Service's name."
GRPC: Final = Matcher("request_protocol", "=", "grpc")
NOT_GRPC: Final = Matcher("request_protocol", "!=", "grpc")
FLAGGED: Final = Matcher("response_flags", "!=", "-")


def callers(mesh: Mesh, service: Service) -> Iterator[Panel]:
    """Who sends requests, and whose requests fail."""
    reports = traffic.received(mesh, service)
    rate = Query(traffic.per_second(reports, traffic.CALLER), CALLER)
    failed = Query(traffic.failed_share(reports, traffic.CALLER), CALLER)
    yield chart("callers-rate", "Requests by caller", f"Who sends how much. {UNKNOWN}", "requests/s", rate)
    says = f"Share of each caller's requests that fail, as the error rate counts failures. {UNKNOWN}"
    yield chart("callers-errors", "Error rate by caller", says, "ratio", failed)


def connections(mesh: Mesh, service: Service) -> Panel:
    """Who opens TCP connections."""
    opened = traffic.per_second(traffic.connections(mesh, service), traffic.CALLER, metric=telemetry.TCP_OPENED)
    says = f"New TCP connections per second; the mesh does not see single requests on them. {UNKNOWN}"
    return chart("callers-connections", "Connections by caller", says, "per second", Query(opened, CALLER))


def callees(mesh: Mesh, service: Service) -> Iterator[Panel]:
    """What the service asks of others, and how they answer.

    `PassthroughCluster` and `BlackHoleCluster` are shown too: hosts that no configuration names.
    """
    reports = traffic.sent(mesh, service)
    rate = Query(traffic.per_second(reports, traffic.CALLEE), CALLEE)
    failed = Query(traffic.failed_share(reports, traffic.CALLEE), CALLEE)
    nothing = "it sends no requests"
    says = f"Requests that this service sends, by where they go. {OWN_NAME}"
    yield chart("callees-rate", "Requests by callee", says, "requests/s", rate, no_value=nothing)
    says = f"Share of this service's own requests that fail, by where they go. {OWN_NAME}"
    yield chart("callees-errors", "Error rate by callee", says, "ratio", failed, no_value=nothing)


def responses(mesh: Mesh, service: Service) -> Iterator[Panel]:
    """Codes, statuses and the proxies' own words for what went wrong."""
    reports = traffic.received(mesh, service)
    says = "Responses per second. A failed gRPC call has HTTP code 200, its status tells. Code 0 is no response."
    yield chart("response-codes", "Response codes", says, "requests/s", *_codes(service, reports))
    flags = Query(traffic.per_second(reports, ("response_flags",), FLAGGED), "{{response_flags}}")
    says = (
        "Requests about which a proxy had something to say: UO refused by a pool limit, UH no healthy "
        "instance, UF no connection, UC connection cut, UT too slow, URX out of retries, NR no route, DC the "
        "client left."
    )
    yield chart("response-flags", "Response flags", says, "requests/s", flags, no_value="no request was flagged")


def _codes(service: Service, reports: traffic.Reports) -> Iterator[Query]:
    if any(port.protocol == "http" for port in service.ports):
        yield Query(traffic.per_second(reports, ("response_code",), NOT_GRPC), "HTTP {{response_code}}")
    if service.speaks_grpc:
        both = ("grpc_response_status", "response_code")
        legend = "gRPC {{grpc_response_status}} (HTTP {{response_code}})"
        yield Query(traffic.per_second(reports, both, GRPC), legend)


def retries(mesh: Mesh, service: Service) -> Panel:
    """How often callers' proxies try again."""
    says = "Tries after the first one, by all callers' proxies together. They are load that nobody asked for."
    query = Query(traffic.retries(mesh, service), "Retries")
    return chart("retries", "Retries", says, "per second", query, no_value=NOT_REPORTED)
