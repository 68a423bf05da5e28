"""The five alerts that are usually written for Istio, to compare with: what would they have said of the same incident?

Somebody else's queries, as tutorials give them: they are not built from signals, and nothing here is generated from
them.
"""

from __future__ import annotations

from typing import Any, Final

GROUP: Final = "usual-rules"
WAIT: Final = 30
"""Seconds from the first alert of a group to its notification where nobody says otherwise (Alertmanager
`docs/configuration.md`, `group_wait`)."""

_BY_SERVICE: Final = "by (destination_service_name)"


def _error_rate(window: str) -> str:
    requests = f'istio_requests_total{{reporter="destination"}}[{window}]'
    failures = f'istio_requests_total{{reporter="destination",response_code=~"5.."}}[{window}]'
    return f"sum(rate({failures})) {_BY_SERVICE} / sum(rate({requests})) {_BY_SERVICE}"


_DURATIONS: Final = 'rate(istio_request_duration_milliseconds_bucket{reporter="destination"}[5m])'
_P99: Final = f"histogram_quantile(0.99, sum({_DURATIONS}) by (destination_service_name, le))"
_EJECTED: Final = "sum(envoy_cluster_outlier_detection_ejections_active) by (cluster_name)"
_ENCRYPTED: Final = 'sum(rate(istio_requests_total{connection_security_policy="mutual_tls"}[10m]))'

_RULES: Final = (
    ("ServiceHighErrorRate", f"{_error_rate('5m')} > 0.05", "2m", "warning"),
    ("ServiceCriticalErrorRate", f"{_error_rate('2m')} > 0.20", "1m", "critical"),
    ("ServiceHighLatency", f"{_P99} > 2000", "3m", "warning"),
    ("CircuitBreakerActive", f"{_EJECTED} > 0", "1m", "warning"),
    ("MTLSCoverageDrop", f"{_ENCRYPTED} / sum(rate(istio_requests_total[10m])) < 0.95", "5m", "warning"),
)  # fmt: skip

NAMES: Final = frozenset(name for name, *_ in _RULES)
"""None of these is a name of ours."""


def usual_rules() -> dict[str, Any]:
    """The alerts as a group of a rule file."""
    rules = [
        {"alert": name, "expr": expression, "for": hold, "labels": {"severity": severity}}
        for name, expression, hold, severity in _RULES
    ]
    return {"name": GROUP, "rules": rules}
