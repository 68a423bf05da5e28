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
from observe.policy.budgets import Burn, Speed, availability_budget, burns, latency_budget
from observe.policy.platform import AUTHORITY, AUTHORITY_CRITICAL, CERTIFICATE, CERTIFICATE_CRITICAL, CONVERGENCE
from observe.policy.requests import RoutePolicy, operation, overrun, route, share_of, waits
from observe.policy.roles import ROLES, RoleDefaults
from observe.policy.thresholds import (
    OVERSTATED,
    Threshold,
    Thresholds,
    has_envoy,
    thresholds,
    watches_connections,
    watches_egress,
    watches_ejections,
    watches_lost_connections,
    watches_mtls,
    watches_proxies,
    watches_requests,
)

__all__ = [
    "AUTHORITY",
    "AUTHORITY_CRITICAL",
    "CERTIFICATE",
    "CERTIFICATE_CRITICAL",
    "CONVERGENCE",
    "OVERSTATED",
    "ROLES",
    "ArrivalPolicy",
    "BreakerPolicy",
    "Burn",
    "OutlierPolicy",
    "PoolPolicy",
    "RoleDefaults",
    "RoutePolicy",
    "Speed",
    "Threshold",
    "Thresholds",
    "arrivals",
    "availability_budget",
    "breaker",
    "burns",
    "departures",
    "ejects",
    "external_breaker",
    "has_envoy",
    "instances",
    "instances_of",
    "is_whatever_is_dialled",
    "latency_budget",
    "least_percent",
    "operation",
    "overrun",
    "route",
    "share_of",
    "subset_percent",
    "thresholds",
    "waits",
    "watches_connections",
    "watches_egress",
    "watches_ejections",
    "watches_lost_connections",
    "watches_mtls",
    "watches_proxies",
    "watches_requests",
]
