"""From role, tier and the team's own choices to timeouts, retries, breakers and thresholds.

Every value knows where it came from, so that a reviewer can ask why a route times out after five seconds.
"""

from observe.policy.arrivals import ArrivalPolicy, arrivals, departures
from observe.policy.breaker import (
    BreakerPolicy,
    OutlierPolicy,
    PoolPolicy,
    breaker,
    ejects,
    external_breaker,
    instances,
    instances_of,
    is_whatever_is_dialled,
    least_percent,
    subset_percent,
)
from observe.policy.requests import RoutePolicy, operation, overrun, route, share_of, waits
from observe.policy.roles import ROLES, RoleDefaults
from observe.policy.thresholds import OVERSTATED, Threshold, Thresholds, thresholds, watches_ejections, watches_mtls

__all__ = [
    "OVERSTATED",
    "ROLES",
    "ArrivalPolicy",
    "BreakerPolicy",
    "OutlierPolicy",
    "PoolPolicy",
    "RoleDefaults",
    "RoutePolicy",
    "Threshold",
    "Thresholds",
    "arrivals",
    "breaker",
    "departures",
    "ejects",
    "external_breaker",
    "instances",
    "instances_of",
    "is_whatever_is_dialled",
    "least_percent",
    "operation",
    "overrun",
    "route",
    "share_of",
    "subset_percent",
    "thresholds",
    "waits",
    "watches_ejections",
    "watches_mtls",
]
