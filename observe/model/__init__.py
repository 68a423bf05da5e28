"""The domain as frozen values. Each inventory field is defined here, once: the loader validates against these
classes and the JSON Schema is made from them, so neither can drift.
"""

from observe.model.fields import format_duration, format_percent, parse_duration, parse_ratio
from observe.model.inventory import Inventory, Path, Position
from observe.model.mesh import DataPlane, Grafana, Ingress, Mesh, Prometheus
from observe.model.service import (
    IDEMPOTENT_METHODS,
    Application,
    Breaker,
    Call,
    Endpoint,
    ExternalCaller,
    ExternalHost,
    LatencyObjective,
    Method,
    Mtls,
    MtlsMode,
    Objectives,
    Port,
    Protocol,
    Retries,
    Role,
    Route,
    Service,
    Silence,
    Tier,
)

__all__ = [
    "IDEMPOTENT_METHODS",
    "Application",
    "Breaker",
    "Call",
    "DataPlane",
    "Endpoint",
    "ExternalCaller",
    "ExternalHost",
    "Grafana",
    "Ingress",
    "Inventory",
    "LatencyObjective",
    "Mesh",
    "Method",
    "Mtls",
    "MtlsMode",
    "Objectives",
    "Path",
    "Port",
    "Position",
    "Prometheus",
    "Protocol",
    "Retries",
    "Role",
    "Route",
    "Service",
    "Silence",
    "Tier",
    "format_duration",
    "format_percent",
    "parse_duration",
    "parse_ratio",
]
