"""Faults: delays and errors that are injected on purpose, each an object of its own that has an end.

The `fault` of a VirtualService would be part of the routes that everybody needs, and a host of the mesh has one
VirtualService only (IST0109). An object of its own can be removed, by whom it belongs to or by `observe prune
--expired`, and nothing else changes. It sits where requests arrive, so it hits every caller alike.

The inbound filter chain has a fault filter already, which istiod configures by route (istio `listener_builder.go`).
These come in addition, under names of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.istio.filters.envoy_filter import (
    FAULT_PRIORITY,
    envoy_filter,
    insert,
    on_arrival,
    own_pods,
    seconds,
    takes_filters,
)
from observe.provenance import Origin, Sourced, declared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.istio.metadata import Manifest
    from observe.model import Fault, Inventory, Service

FILTER: Final = "envoy.filters.http.fault"
MESSAGE: Final = "envoy.extensions.filters.http.fault.v3.HTTPFault"


def faults(inventory: Inventory, service: Service) -> Iterator[Manifest]:
    """An EnvoyFilter for each fault of a service with a sidecar; a fault has no effect elsewhere."""
    if not takes_filters(inventory, service):
        return
    for index, fault in enumerate(service.faults):
        origin = declared(inventory, service, "faults", index)
        name = Sourced(f"{FILTER}.{fault.name}", declared(inventory, service, "faults", index, "name"))
        config = _config(inventory, service, index)
        yield envoy_filter(
            inventory.mesh,
            service.namespace,
            f"{service.name}-fault-{fault.name}",
            own_pods(inventory, service),
            Sourced(FAULT_PRIORITY + index, Origin("after the rate limit, in the order of declaration", origin.path)),
            [
                insert(on_arrival(inventory, service, port), name, MESSAGE, config, origin)
                for port in service.request_ports
            ],
            Sourced(fault.expires.isoformat(), declared(inventory, service, "faults", index, "expires")),
        )


def _config(inventory: Inventory, service: Service, index: int) -> Manifest:
    fault = service.faults[index]
    config = {**_delay(fault), **_abort(fault)}
    parts = {name: Sourced(part, declared(inventory, service, "faults", index, name)) for name, part in config.items()}
    if fault.headers:
        headers = [{"name": name, "string_match": {"exact": value}} for name, value in fault.headers.items()]
        parts["headers"] = Sourced(headers, declared(inventory, service, "faults", index, "headers"))
    return parts


def _delay(fault: Fault) -> Manifest:
    if fault.delay is None:
        return {}
    return {"delay": {"fixed_delay": seconds(fault.delay.duration), "percentage": _percent(fault.delay.percent)}}


def _abort(fault: Fault) -> Manifest:
    if fault.abort is None:
        return {}
    http = {"http_status": fault.abort.status} if fault.abort.status else {"grpc_status": fault.abort.grpc_status}
    return {"abort": {**http, "percentage": _percent(fault.abort.percent)}}


def _percent(percent: int) -> Manifest:
    return {"numerator": percent, "denominator": "HUNDRED"}
