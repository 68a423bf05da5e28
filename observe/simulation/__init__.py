"""What a mesh would report: from an inventory and an incident, the telemetry of proxies and control plane over time.

`simulate` gives it for a whole inventory; a `Recorder` is told each stream of requests, for tests of single rules.
"""

from observe.simulation.fleet import simulate
from observe.simulation.flows import Flow, flow
from observe.simulation.incidents import INCIDENTS, Impossible, Incident, Plan, incident, incidents
from observe.simulation.recorder import Answer, Caller, Pod, Recorder, Restart, failure, success, turned_away
from observe.simulation.telemetry import Labels, Series, Telemetry, Values

__all__ = [
    "INCIDENTS",
    "Answer",
    "Caller",
    "Flow",
    "Impossible",
    "Incident",
    "Labels",
    "Plan",
    "Pod",
    "Recorder",
    "Restart",
    "Series",
    "Telemetry",
    "Values",
    "failure",
    "flow",
    "incident",
    "incidents",
    "simulate",
    "success",
    "turned_away",
]
