"""A signal: one thing that is measured, spelled once for panel and rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from observe.naming import SERVICE_LABELS
from observe.promql import Expr, Matcher, Selector, equal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from observe.model import Service

Unit = Literal[
    "requests/s", "ratio", "milliseconds", "count", "events", "per second", "seconds", "bytes", "bytes/s", "cores"
]


@dataclass(frozen=True, slots=True)
class Signal:
    """One measured thing, aggregated by fixed labels.

    A recorded signal is read from raw series once per evaluation, for the whole mesh; alerts and panels both read
    the record. What differs between them is only which series of the record they select.
    """

    id: str
    """Stable key; the panel that shows it has the id that this key gives."""
    title: str
    unit: Unit
    description: str
    record: str
    """Name of the recorded series."""
    measure: Expr | None
    """What the mesh's recording rule evaluates. None where each service's own rules record it (`Catalogue.own`)."""
    labels: tuple[str, ...] = SERVICE_LABELS
    """Labels that the measure keeps."""
    needs_stats: tuple[str, ...] = ()
    """Envoy counters and gauges that proxies export only when the stats matcher includes them."""
    absent: str = "no traffic"
    """What it means that there is no data, as panels say it. Never a number: nothing measured is not zero."""

    def of(self, service: Service) -> Selector:
        """The signal of one service."""
        return self.where(equal(service_labels(service)))

    def where(self, matchers: tuple[Matcher, ...] = ()) -> Selector:
        """The signal, restricted to some series."""
        return Selector(self.record, matchers)


NOT_REPORTED: Final = "no calling proxy reports it"
"""Envoy's own counters exist only where a proxy with the pack's stats matcher knows the service."""


def service_labels(service: Service) -> Mapping[str, str]:
    """How a service is named in the labels that signals keep: outside the cluster by its host (istio
    `serviceentry/conversion.go`, `convertServices`).
    """
    name = service.outside.host if service.outside else service.name
    return dict(zip(SERVICE_LABELS, (service.namespace, name), strict=True))
