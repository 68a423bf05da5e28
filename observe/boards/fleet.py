"""Signals of many services at once: in the namespaces that are chosen at the top of the board."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from observe import policy
from observe.boards.panel import Limit, Query, Severity, Variable
from observe.naming import SERVICE_LABELS
from observe.promql import Aggregation, Binary, Expr, Matcher, Number, Selector, ratio, sum_by

if TYPE_CHECKING:
    from collections.abc import Iterable

    from observe.model import Inventory
    from observe.policy import Threshold
    from observe.signals import Catalogue, Signal

BY_SERVICE: Final = "/".join(f"{{{{{label}}}}}" for label in SERVICE_LABELS)
"""The legend of a series per service: its id."""
SHOWN: Final = 10
"""Lines on a panel that has one for each service: of Grafana's colours the thirteenth is the first that one hardly sees
on its dark ground.
"""
BY_POD: Final = "{{namespace}}/{{pod}}"
POD_CHOSEN: Final = Matcher("namespace", "=~", "$namespace")
CHOSEN: Final = Matcher(SERVICE_LABELS[0], "=~", "$namespace")


def namespace_variable(signal: Signal) -> Variable:
    """The choice of namespaces: those of the services that the signal is measured for."""
    return Variable("namespace", "Namespace", signal.record, SERVICE_LABELS[0])


def pod_namespace_variable(signal: Signal) -> Variable:
    """The choice of namespaces: those of the pods that the signal is measured for."""
    return Variable("namespace", "Namespace", signal.record, "namespace")


def chosen(signal: Signal) -> Selector:
    """A signal in the chosen namespaces."""
    return signal.where((CHOSEN,))


def chosen_pods(signal: Signal) -> Selector:
    """A signal by pod or by namespace, in the chosen namespaces."""
    return signal.where((POD_CHOSEN,))


def largest_pods(signal: Signal) -> Query:
    """The pods with the largest values."""
    return Query(Aggregation("topk", (), chosen_pods(signal), Number(SHOWN)), BY_POD)


def total(signal: Signal) -> Expr:
    """The sum over the services of the chosen namespaces."""
    return sum_by((), chosen(signal))


def extremes(operator: Literal["topk", "bottomk"], signal: Signal) -> Query:
    """The services with the largest or smallest values."""
    return Query(Aggregation(operator, (), chosen(signal), Number(SHOWN)), BY_SERVICE)


def failed_share(signals: Catalogue) -> Expr:
    """The share of requests that fail, over all services of the chosen namespaces."""
    return ratio(total(signals.failed), total(signals.rate))


def encrypted_share(signals: Catalogue) -> Expr:
    """The share of what arrives that is mutual TLS, over all services of the chosen namespaces.

    Services weigh by what they receive. One that takes both requests and plain connections counts with the
    lower of its two shares, so the result is never better than the truth.
    """
    encrypted = Binary("*", chosen(signals.coverage), chosen(signals.received))
    return ratio(sum_by((), encrypted), total(signals.received))


def common(
    thresholds: Iterable[Threshold],
    severity: Severity = "warning",
    broken: Literal["above", "below"] = "above",
) -> tuple[Limit, ...]:
    """The limit that all share; none where they differ, since no one line would be true then."""
    seen = {threshold.value: threshold for threshold in thresholds}
    return tuple(Limit(found, severity, broken) for found in seen.values()) if len(seen) == 1 else ()


def coverage_limit(inventory: Inventory) -> tuple[Limit, ...]:
    """The share of mutual TLS that services are held to."""
    held = filter(policy.watches_mtls, inventory.services)
    return common((policy.thresholds(service).mtls for service in held), broken="below")
