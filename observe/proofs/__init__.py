"""Proofs of alerts: for each service a file of rule unit tests that `promtool test rules` runs.

Telemetry goes in, as proxies would report what happens; states and texts of all alerts come out. What must come out is
worked out from what truly happened and from the service's own policy, not from the rules.
"""

from observe.proofs.documents import RuleTests

__all__ = ["RuleTests"]
