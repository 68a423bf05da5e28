"""Local rate limit: how much each proxy of a service lets in, counted by the proxy itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.istio.filters.envoy_filter import (
    LOCAL_RATE_LIMIT_PRIORITY,
    envoy_filter,
    insert,
    on_arrival,
    own_pods,
    seconds,
    takes_filters,
)
from observe.provenance import Origin, Sourced, declared

if TYPE_CHECKING:
    from observe.istio.metadata import Manifest
    from observe.model import Inventory, RateLimit, Service

FILTER: Final = "envoy.filters.http.local_ratelimit"
MESSAGE: Final = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"

ALWAYS: Final = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
"""Envoy's own default is to count and to refuse nothing (`local_rate_limit.proto`)."""

NOT_TRIED_AGAIN: Final = Origin("a refusal as RESOURCE_EXHAUSTED: UNAVAILABLE, Envoy's default, would be tried again")


def local_rate_limit(inventory: Inventory, service: Service) -> Manifest | None:
    """An EnvoyFilter for a service with a sidecar and a limit; None for any other.

    There is a bucket for each port: Envoy keeps one for each place that the filter stands in.
    """
    limit = service.rate_limit
    if limit is None or not takes_filters(inventory, service):
        return None
    origin = declared(inventory, service, "rate_limit")
    config = _config(inventory, service, limit)
    return envoy_filter(
        inventory.mesh,
        service.namespace,
        f"{service.name}-local-rate-limit",
        own_pods(inventory, service),
        Sourced(LOCAL_RATE_LIMIT_PRIORITY, Origin("before the faults: what is refused needs none")),
        [
            insert(on_arrival(inventory, service, port), Sourced(FILTER, origin), MESSAGE, config, origin)
            for port in service.request_ports
        ],
    )


def _config(inventory: Inventory, service: Service, limit: RateLimit) -> Manifest:
    def said(name: str, value: int | str) -> Sourced[int | str]:
        return Sourced(value, declared(inventory, service, "rate_limit", name))

    always = Sourced(ALWAYS, Origin("on every request: unsaid, the limit would only be counted"))
    return {
        "stat_prefix": "http_local_rate_limiter",
        "token_bucket": {
            "max_tokens": said("burst", limit.burst) if limit.burst else said("requests", limit.requests),
            "tokens_per_fill": said("requests", limit.requests),
            "fill_interval": said("per", seconds(limit.per)),
        },
        "filter_enabled": always,
        "filter_enforced": always,
        "rate_limited_as_resource_exhausted": Sourced(True, NOT_TRIED_AGAIN),
    }
