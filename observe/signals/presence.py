"""Whether proxies report at all: what tells "no traffic" from "gone" and from "not scraped".

Proxies are counted by the labels `namespace` and `pod` that Prometheus gives its targets. A proxy reports
`istio_build` from its start, with or without traffic; the request metrics of an idle one are absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.naming import record
from observe.promql import Aggregation, Binary, Expr, Matcher, Number, Selector, escape_regex, over_time, tagged
from observe.signals.signal import Signal, service_labels

if TYPE_CHECKING:
    from observe.model import Service

POD: Final = ("namespace", "pod")
PROXY: Final = Matcher("component", "=", "proxy")
NODE_PROXY: Final = Matcher("component", "=~", "proxy|ztunnel")
READ_LATELY: Final = "1h:5m"
"""Within which Prometheus must have read a proxy for its silence to mean something. Looked at every five minutes, which
is as far back as Prometheus finds a sample: a tenth of the samples of half-minute records, and only who was read for
less than five minutes in all may be overlooked.
"""
REMEMBERED: Final = "1d"
"""For how long a service that is gone is missed; after that its alert ends, whoever heard it."""
NOT_SCRAPED: Final = "no proxy is scraped with the labels namespace and pod"

POD_NAMES: Final = {
    "Deployment": r"-[a-z0-9]{1,10}-[a-z0-9]{5}",
    "StatefulSet": r"-[0-9]+",
    "DaemonSet": r"-[a-z0-9]{5}",
}
"""What Kubernetes puts behind a workload's name in its pods' names."""


@dataclass(frozen=True, slots=True)
class Presence:
    """Proxies that report, and targets that do not answer."""

    proxies: Signal
    """1 for each pod whose proxy reports."""
    unreachable: Signal
    """1 for each pod whose proxy reported within the hour, and whose target is down now."""
    mesh: Signal
    """All proxies that report, ztunnels included."""
    reporting: Signal
    """By service: recorded by each service's own rules."""
    silent: Signal
    """By service: targets that are down; recorded by each service's own rules."""


def presence() -> Presence:
    """The signals of who reports."""
    proxies = Signal(
        id="proxies",
        title="Proxies that report",
        unit="count",
        description="1 for each pod whose proxy Prometheus reads.",
        record=record("pod", telemetry.BUILD, "proxies"),
        measure=Aggregation("group", POD, Selector(telemetry.BUILD, (PROXY,))),
        labels=POD,
        absent=NOT_SCRAPED,
    )
    down = Aggregation("group", POD, Binary("==", Selector(telemetry.UP), Number(0)))
    unreachable = Signal(
        id="proxies-unreachable",
        title="Proxies that Prometheus cannot read",
        unit="count",
        description="1 for each pod whose proxy was read within the hour and does not answer Prometheus now.",
        record=record("pod", telemetry.BUILD, "unreachable"),
        measure=Binary("and", down, over_time("last", proxies.where(), READ_LATELY)),
        labels=POD,
        absent="every proxy answers",
    )
    mesh = Signal(
        id="mesh-proxies",
        title="Proxies",
        unit="count",
        description="Proxies that Prometheus reads: sidecars, gateways, waypoints, ztunnels.",
        record=record("mesh", telemetry.BUILD, "count"),
        measure=Aggregation("count", (), Selector(telemetry.BUILD, (NODE_PROXY,))),
        labels=(),
        absent="no proxy is scraped",
    )
    reporting = Signal(
        id="service-proxies",
        title="Instances that report",
        unit="count",
        description="Instances of the service whose proxies Prometheus reads.",
        record=record("service", telemetry.BUILD, "proxies"),
        measure=None,
        absent=NOT_SCRAPED,
    )
    silent = Signal(
        id="service-proxies-unreachable",
        title="Instances that Prometheus cannot read",
        unit="count",
        description="Instances of the service that were read within the hour and do not answer Prometheus now.",
        record=record("service", telemetry.BUILD, "unreachable"),
        measure=None,
        absent="every instance answers",
    )
    return Presence(proxies, unreachable, mesh, reporting, silent)


def of_service(signal: Signal, service: Service) -> Expr:
    """How many of a service's pods are among those of a signal by pod, in the labels of services."""
    counted: Expr = Aggregation(
        "count", (), signal.where((Matcher("namespace", "=", service.namespace), pods(service)))
    )
    for label, value in service_labels(service).items():
        counted = tagged(counted, label, value)
    return counted


def pods(service: Service) -> Matcher:
    """The service's pods by their names: those of the workload that is declared, and of one for each version."""
    workloads = dict.fromkeys((service.workload_name, *service.workload_names))
    names = "|".join(map(escape_regex, workloads))
    return Matcher("pod", "=~", f"({names}){POD_NAMES[service.workload.kind]}")
