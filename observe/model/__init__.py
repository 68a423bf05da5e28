"""The domain as frozen values. Each inventory field is defined here, once: the loader validates against these
classes and the JSON Schema is made from them, so neither can drift.
"""

from observe.model.call import IDEMPOTENT_METHODS, Call, Endpoint, ExternalCaller, ExternalHost, Method, Retries
from observe.model.fields import format_duration, format_percent, parse_duration, parse_ratio
from observe.model.gateway import Gateway, GlobalRateLimit, Issuer, RateLimitService
from observe.model.installation import Installation, Tracing
from observe.model.inventory import Inventory, Path, Position, dotted
from observe.model.mesh import DataPlane, Grafana, Ingress, Mesh, MtlsDefault, Namespace, Prometheus, RuleLimits
from observe.model.service import Application, LatencyObjective, Objectives, Role, Service, Silence, Tier
from observe.model.traffic import Breaker, Exposure, Fault, FaultAbort, FaultDelay, RateLimit, Route, Version
from observe.model.workload import ExcludedPorts, Metrics, Mtls, MtlsMode, Outside, Port, Protocol, Resources, Workload

__all__ = [
    "IDEMPOTENT_METHODS",
    "Application",
    "Breaker",
    "Call",
    "DataPlane",
    "Endpoint",
    "ExcludedPorts",
    "Exposure",
    "ExternalCaller",
    "ExternalHost",
    "Fault",
    "FaultAbort",
    "FaultDelay",
    "Gateway",
    "GlobalRateLimit",
    "Grafana",
    "Ingress",
    "Installation",
    "Inventory",
    "Issuer",
    "LatencyObjective",
    "Mesh",
    "Method",
    "Metrics",
    "Mtls",
    "MtlsDefault",
    "MtlsMode",
    "Namespace",
    "Objectives",
    "Outside",
    "Path",
    "Port",
    "Position",
    "Prometheus",
    "Protocol",
    "RateLimit",
    "RateLimitService",
    "Resources",
    "Retries",
    "Role",
    "Route",
    "RuleLimits",
    "Service",
    "Silence",
    "Tier",
    "Tracing",
    "Version",
    "Workload",
    "dotted",
    "format_duration",
    "format_percent",
    "parse_duration",
    "parse_ratio",
]
