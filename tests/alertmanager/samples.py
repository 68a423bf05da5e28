"""Alerts for tests: the labels that routes and inhibitions are written for."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from observe.alerting import Alert
from observe.alertmanager import Configuration, configuration
from observe.graph import Graph
from observe.promql import Number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.alerting.alert import Severity
    from observe.model import Inventory, Service
    from observe.naming import AlertName

REQUESTS = (("ServiceErrorRateCritical", "critical"), ("ServiceErrorRateHigh", "warning"))
"""What a service says of its failing requests, in the two severities."""
CONNECTIONS = (("ServiceConnectionsFailing", "critical"),)
"""What a service says whose single requests the mesh does not see."""


def labels_of(inventory: Inventory, service: Service, name: str, severity: str, category: str) -> dict[str, str]:
    """The labels of a service's alert as Alertmanager gets them."""
    return {
        "alertname": name, "severity": severity, "category": category, "mesh": inventory.mesh.name,
        "namespace": service.namespace, "service": service.name, "team": service.owner, "tier": service.tier,
    }  # fmt: skip


def alerts_of(inventory: Inventory) -> Iterator[Alert]:
    """A few alerts of each kind for every service with a proxy: all that inhibitions ask for."""
    for service in inventory.in_mesh:
        for name, severity in REQUESTS if service.request_ports else CONNECTIONS:
            yield alert(inventory, service, name, severity, "requests")
        gone = "critical" if service.tier in ("critical", "high") else "warning"
        yield alert(inventory, service, "ServiceGone", gone, "requests")
        yield alert(inventory, service, "ServiceTrafficStopped", "warning", "traffic")
        yield alert(inventory, service, "ServiceTelemetryLost", "warning", "telemetry")
        yield alert(inventory, service, "ServiceMtlsCoverageLow", "warning", "security")


def alert(inventory: Inventory, service: Service, name: str, severity: str, category: str) -> Alert:
    labels = labels_of(inventory, service, name, severity, category)
    del labels["alertname"]
    return Alert(
        cast("AlertName", name), Number(1), 0, 0, cast("Severity", severity), tuple(sorted(labels.items())), ()
    )


def configured(inventory: Inventory) -> Configuration:
    """The configuration for those alerts."""
    return configuration(inventory, Graph(inventory), tuple(alerts_of(inventory)))
