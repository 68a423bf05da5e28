"""Who speaks plaintext to whom, and how long the certificates that end it still live."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from observe import policy, telemetry
from observe.boards import fleet
from observe.boards.panel import Column, Key, Limit, Panel, Query, Table, TimeSeries
from observe.boards.plot import described, series
from observe.naming import SERVICE_LABELS
from observe.promql import Aggregation, Binary, Expr, Matcher, Number, over_time, sum_by
from observe.signals.presence import POD
from observe.signals.requests import CALLER_LABELS, EDGE_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.signals import Catalogue

CERTIFICATES: Final = (
    Limit(policy.CERTIFICATE, broken="below"),
    Limit(policy.CERTIFICATE_CRITICAL, "critical", "below"),
)
FIRST: Final = 20
"""Rows of a table of pods: those that need somebody's attention first."""
RANGE: Final = "$__range"
"""The time range that is shown: a nightly job that speaks plaintext is found by looking at a day."""
EDGE_KEYS: Final = (
    Key(CALLER_LABELS[0], "Caller's namespace"),
    Key(CALLER_LABELS[1], "Caller"),
    Key(SERVICE_LABELS[0], "Namespace"),
    Key(SERVICE_LABELS[1], "Service"),
)


def who_speaks_plaintext(signals: Catalogue) -> Table:
    """Every pair of caller and service with plaintext in the time range that is shown."""
    return Table(
        key="plaintext-edges",
        title="Plaintext by caller and service",
        description=(
            "Requests and new TCP connections without mutual TLS in the time range that is shown, as the "
            "callee counted them. A caller without a proxy is unknown."
        ),
        queries=(
            Column(_plaintext(signals, "request"), "Requests", "events", decimals=0),
            Column(_plaintext(signals, "connection"), "Connections", "events", decimals=0),
        ),
        no_value="no plaintext was reported",
        keys=EDGE_KEYS,
        sort="Requests",
        width=16,
        height=10,
    )


def _plaintext(signals: Catalogue, kind: str) -> Expr:
    """How often each caller spoke plaintext to each service; only those that did. Each record says how often in a
    second; it stands for its interval.
    """
    plain = signals.arrivals.where((Matcher("kind", "=", kind), telemetry.PLAINTEXT, fleet.CHOSEN))
    counted = sum_by(EDGE_LABELS, over_time("sum", plain, RANGE))
    seconds = Number(signals.mesh.prometheus.evaluation_interval / 1_000)
    return Binary(">", Binary("*", counted, seconds), Number(0))


def shortest_certificates(signals: Catalogue) -> TimeSeries:
    """How long the certificate that ends first is still valid, in each namespace."""
    signal = signals.certificates.namespaces
    drawn = series(signal, Query(fleet.chosen_pods(signal), "{{namespace}}"), limits=CERTIFICATES)
    return replace(drawn, lowest_first=True)


def certificates(signals: Catalogue) -> Iterator[Panel]:
    """How long workload certificates are still valid. Istio renews them when half their life is over."""
    by_pod = signals.certificates.workloads
    yield shortest_certificates(signals)
    first = Aggregation("bottomk", (), fleet.chosen_pods(by_pod), Number(FIRST))
    yield Table(
        key=by_pod.id,
        title=f"The {FIRST} pods whose certificates expire first",
        description=described(by_pod),
        queries=(Column(first, "Time left", "seconds", CERTIFICATES),),
        no_value=by_pod.absent,
        keys=(Key(POD[0], "Namespace"), Key(POD[1], "Pod")),
        sort="Time left",
        descending=False,
    )
