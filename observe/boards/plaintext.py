"""Who speaks plaintext to whom, and how long the certificates that end it still live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.boards import fleet
from observe.boards.panel import Column, Key, Panel, Query, Table
from observe.boards.plot import chart
from observe.boards.traffic import CALLEE, CALLER
from observe.promql import Aggregation, Binary, Expr, Function, Matcher, Number, Selector, sum_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Mesh

RANGE: Final = "$__range"
"""The time range that is shown: a nightly job that speaks plaintext is found by looking at a day."""
SHOWN: Final = 20
WORKLOAD: Final = Matcher("resource_name", "=", "default")
"""The workload's own certificate, not the roots that it trusts."""
POD: Final = ("namespace", "pod")
POD_CHOSEN: Final = Matcher("namespace", "=~", fleet.CHOSEN.value)


def who_speaks_plaintext(mesh: Mesh) -> Table:
    """Every pair of caller and service with plaintext in the time range that is shown."""
    return Table(
        key="plaintext-edges",
        title="Plaintext by caller and service",
        description=(
            "Requests and new TCP connections without mutual TLS in the time range that is shown, as the "
            "callee counted them. A caller without a proxy is unknown."
        ),
        queries=(
            Column(_plaintext(mesh, telemetry.REQUESTS), "Requests", "count"),
            Column(_plaintext(mesh, telemetry.TCP_OPENED), "Connections", "count"),
        ),
        no_value="no plaintext was reported",
        keys=(
            Key(CALLER[0], "Caller's namespace"),
            Key(CALLER[1], "Caller"),
            Key(CALLEE[0], "Namespace"),
            Key(CALLEE[1], "Service"),
        ),
        sort="Requests",
        width=16,
        height=10,
    )


def _plaintext(mesh: Mesh, metric: str) -> Expr:
    """How often each caller spoke plaintext to each service; only those that did."""
    matchers = (telemetry.receiver(mesh), telemetry.PLAINTEXT, telemetry.NO_SERVICE, fleet.CHOSEN)
    increase = Function("increase", (Selector(metric, matchers, RANGE),))
    return Binary(">", sum_by((*CALLER, *CALLEE), increase), Number(0))


def certificates(mesh: Mesh) -> Iterator[Panel]:
    """How long workload certificates are still valid. Istio renews them when half their life is over."""
    series = Selector(telemetry.CERTIFICATE_EXPIRY, (WORKLOAD, POD_CHOSEN))
    says = (
        "Time until a pod's certificate expires. Istio gives 24 hours and renews at half of that: less than "
        "12 hours left means that renewal fails."
    )
    nothing = "ztunnel reports no expiry" if mesh.data_plane == "ambient" else "no proxy's agent is scraped"
    lowest = Query(Aggregation("min", POD[:1], series), "{{namespace}}")
    yield chart("certificates", "Shortest certificate life by namespace", says, "seconds", lowest, no_value=nothing)
    yield Table(
        key="certificates-pods",
        title=f"The {SHOWN} pods whose certificates expire first",
        description=says,
        queries=(Column(_shortest(series), "Time left", "seconds"),),
        no_value=nothing,
        keys=(Key(POD[0], "Namespace"), Key(POD[1], "Pod")),
        sort="Time left",
        descending=False,
    )


def _shortest(series: Selector) -> Expr:
    return Aggregation("bottomk", (), Aggregation("min", POD, series), Number(SHOWN))
