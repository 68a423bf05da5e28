"""Recording rules for the mesh, alerts for each service: signals and thresholds, put together."""

from observe.alerting.alert import Alert, Group, Record
from observe.alerting.records import mesh_records
from observe.alerting.service import HOLD, service_alerts

__all__ = ["HOLD", "Alert", "Group", "Record", "mesh_records", "service_alerts"]
