"""What an inventory says, and the Gateway API or the proxies of its mesh cannot do. Limits of callers are OBS116's."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from observe.checks.finding import Finding, Severity, about
from observe.istio.gateways.http_route import is_template
from observe.istio.traffic.routes import is_routed
from observe.model import ExcludedPorts, Resources, dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.model import Inventory, Path, Service

CODE = "OBS139"
TITLE = "What is declared has no effect"

Lost: TypeAlias = "tuple[Path, str, str]"
"""Where it is declared, why it has no effect, and the way out."""

NO_RETRIES = (
    "the Gateway API has no retries in its standard channel, so Istio's own two hold",
    "remove them, or set mesh.routing to istio",
)
NO_TEMPLATES = (
    "at a gateway of the Gateway API, paths with placeholders come after every prefix, and are never met",
    "give the exposure the timeout, or set mesh.routing to istio",
)
NO_SERVICE = ("the Gateway API has routes for Services, and it is outside the cluster", "set mesh.routing to istio")
NO_SIDECAR = ("it needs a sidecar, and an ambient mesh has none", "remove it")
NO_PROXY = ("it needs a sidecar, and the service is not in the mesh", "remove it, or bring the service into the mesh")
NO_REQUESTS = ("none of its ports takes requests", "remove it, or declare the protocol of its ports")


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each service and reason, at the first of the values that it names."""
    inventory = graph.inventory
    for service in inventory.services:
        reasons: defaultdict[tuple[str, str], list[Path]] = defaultdict(list)
        for below, why, remedy in (
            *_routes(inventory, service),
            *_filters(inventory, service),
            *_sidecars(inventory, service),
        ):
            reasons[why, remedy].append(below)
        for (why, remedy), places in reasons.items():
            problem = f"declares {', '.join(map(dotted, places))} without effect: {why}"
            yield about(inventory, service, places[0], CODE, Severity.WARNING, problem, remedy)


def _routes(inventory: Inventory, service: Service) -> Iterator[Lost]:
    """What routes of the Gateway API cannot say of requests to the service."""
    if inventory.mesh.routing == "istio" or not is_routed(inventory, service):
        return
    yield from ((place, *NO_RETRIES) for place in _retries(service))
    if service.outside:
        yield from ((place, *NO_SERVICE) for place in _timeouts(service))
    elif service.exposures:
        yield from ((place, *NO_TEMPLATES) for place in _templates(service))


def _timeouts(service: Service) -> Iterator[Path]:
    if service.route.timeout:
        yield ("route", "timeout")
    for index, endpoint in enumerate(service.endpoints):
        if endpoint.timeout:
            yield ("endpoints", index, "timeout")


def _retries(service: Service) -> Iterator[Path]:
    if service.route.retries:
        yield ("route", "retries")
    for index, endpoint in enumerate(service.endpoints):
        if endpoint.retries:
            yield ("endpoints", index, "retries")


def _templates(service: Service) -> Iterator[Path]:
    for index, endpoint in enumerate(service.endpoints):
        if is_template(endpoint) and (endpoint.timeout or endpoint.streaming):
            yield ("endpoints", index, "streaming" if endpoint.streaming else "timeout")


def _filters(inventory: Inventory, service: Service) -> Iterator[Lost]:
    """What is put into the filters of sidecars."""
    places: list[Path] = [("rate_limit",)] if service.rate_limit else []
    places += [("faults", index) for index in range(len(service.faults))]
    reason = _without_filters(inventory, service)
    if reason:
        yield from ((place, *reason) for place in places)


def _sidecars(inventory: Inventory, service: Service) -> Iterator[Lost]:
    """What injection reads. Ports that it does not exclude are taken to ztunnel like all others."""
    excluded = service.excluded_ports != ExcludedPorts()
    places: list[Path] = [("excluded_ports",)] if excluded else []
    places += [("proxy",)] if service.proxy != Resources() else []
    reason = _without_sidecar(inventory, service)
    if reason:
        yield from ((place, *reason) for place in places)


def _without_filters(inventory: Inventory, service: Service) -> tuple[str, str] | None:
    if reason := _without_sidecar(inventory, service):
        return reason
    return None if service.request_ports else NO_REQUESTS


def _without_sidecar(inventory: Inventory, service: Service) -> tuple[str, str] | None:
    if not service.in_mesh:
        return NO_PROXY
    return NO_SIDECAR if inventory.mesh.data_plane == "ambient" else None
