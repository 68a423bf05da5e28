"""What each service's alerts can say, told by the alerts themselves."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from observe.alerting import Alert, Severity
    from observe.model import Service
    from observe.naming import ServiceAlert


GONE: Final[ServiceAlert] = "ServiceGone"
"""Callers suffer from it, and it follows from nothing that a callee does: the proxies themselves are not there."""


@dataclass(frozen=True, slots=True)
class Alerted:
    """The alerts of every service: an inhibition whose source or target does not exist is not written."""

    names: Mapping[str, frozenset[str]]
    """By service id, the names of its alerts."""
    failing: Mapping[str, frozenset[str]]
    """By service id, the severities of those alerts from which its callers suffer."""
    suffering: Mapping[str, frozenset[str]]
    """By service id, the severities of those of them that its callees may have caused."""

    def has(self, service: Service, names: Iterable[str]) -> bool:
        """Whether the service has one of the alerts."""
        return not self.names.get(service.id, frozenset()).isdisjoint(names)

    def fails(self, service: Service, severity: Severity) -> bool:
        """Whether the service can explain what its callers say."""
        return severity in self.failing.get(service.id, ())

    def suffers(self, service: Service, severity: Severity | None = None) -> bool:
        """Whether the service can say that it suffers, in this severity, or in any."""
        found = self.suffering.get(service.id, frozenset())
        return bool(found) if severity is None else severity in found


def alerted(alerts: Iterable[Alert]) -> Alerted:
    """An index of all alerts; those of no service are left out."""
    names: dict[str, set[str]] = defaultdict(set)
    failing: dict[str, set[str]] = defaultdict(set)
    suffering: dict[str, set[str]] = defaultdict(set)
    for alert in alerts:
        labels = dict(alert.labels)
        service = f"{labels.get('namespace')}/{labels.get('service')}"
        names[service].add(alert.name)
        if labels.get("category") == "requests":
            failing[service].add(alert.severity)
            if alert.name != GONE:
                suffering[service].add(alert.severity)
    return Alerted(_frozen(names), _frozen(failing), _frozen(suffering))


def _frozen(found: Mapping[str, set[str]]) -> Mapping[str, frozenset[str]]:
    return {service: frozenset(values) for service, values in found.items()}
