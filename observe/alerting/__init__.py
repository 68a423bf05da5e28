"""Recording rules for the mesh, alerts for each service: signals and thresholds, put together."""

from observe.alerting.alert import Alert, Category, Group, Record, Severity
from observe.alerting.draft import HOLD, Draft
from observe.alerting.groups import rule_groups
from observe.alerting.mesh import mesh_alerts
from observe.alerting.records import mesh_records
from observe.alerting.service import drafts, service_groups, service_rules

__all__ = [
    "HOLD",
    "Alert",
    "Category",
    "Draft",
    "Group",
    "Record",
    "Severity",
    "drafts",
    "mesh_alerts",
    "mesh_records",
    "rule_groups",
    "service_groups",
    "service_rules",
]
