"""mTLS coverage, for operators and auditors: how much is encrypted, who still is not, what was decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe import naming, telemetry
from observe.boards import fleet, markdown
from observe.boards.exceptions import exceptions
from observe.boards.links import by_column
from observe.boards.overview import lowest_coverage
from observe.boards.panel import Board, Column, Key, Limit, Panel, Query, Row, Stat, Table, Text
from observe.boards.plaintext import EDGE_KEYS, RANGE, certificates, who_speaks_plaintext
from observe.boards.plot import explained, marks, mesh_links, series, stat
from observe.naming import SERVICE_LABELS
from observe.promql import Binary, Expr, Matcher, Number, Selector, or_zero, over_time, ratio, sum_by
from observe.signals.requests import EDGE_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Inventory
    from observe.signals import Catalogue

SCOPE: Final = """\
Read from the reports of whoever is called, since only the callee knows whether a caller proved who it is.

- **unknown** as a caller means: a caller without a proxy.
- What STRICT refuses never arrives, so it is not counted here. Its caller sees a failed connection.
- Ports that are excluded from the mesh, and scrapes and probes of the proxies' own ports, are not seen.
- A caller that sent a single request may be missing from the list: an increase takes two samples.
- A gateway's clients are outside the mesh; what it passes on is counted where it arrives.
"""


def mtls_board(inventory: Inventory, signals: Catalogue) -> Board:
    """What is encrypted, who still speaks plaintext, and which exceptions were declared."""
    mesh = inventory.mesh
    return Board(
        uid=naming.mtls_uid(mesh.name),
        title=f"{mesh.name}: mTLS coverage",
        description=f"How much of the {mesh.name} mesh's traffic is mutual TLS, who speaks plaintext, why.",
        tags=("istio", "mtls"),
        rows=_Author(inventory, signals).rows(fleet.coverage_limit(inventory)),
        variables=(fleet.namespace_variable(signals.received),),
        links=mesh_links(mesh),
        marks=marks(mesh, Matcher("category", "=", "security")),
        hours=24,
    )


@dataclass(frozen=True, slots=True)
class _Author:
    """Lays out the mTLS dashboard."""

    inventory: Inventory
    signals: Catalogue

    def rows(self, limits: tuple[Limit, ...]) -> tuple[Row, ...]:
        scope = Text(key="scope", title="What this can and cannot show", content=SCOPE, width=8, height=10)
        listed = exceptions(self.inventory)
        declared = Text(
            key="exceptions", title="Exceptions", content=listed, width=24, height=markdown.height(listed, most=12)
        )
        coverage = (lowest_coverage(self.signals, limits), self._services(limits))
        return (
            Row("row-now", "Now", tuple(self._now(limits))),
            Row("row-coverage", "Coverage by service", coverage),
            Row("row-plaintext", "Who still speaks plaintext", (who_speaks_plaintext(self.signals), scope)),
            Row("row-exceptions", "Declared exceptions", (declared,)),
            Row("row-evidence", "Evidence for the time range that is shown", tuple(self._evidence())),
            Row("row-certificates", "Certificates", tuple(certificates(self.signals)), collapsed=True),
            Row("row-authorization", "Authorization", tuple(self._authorization()), collapsed=True),
        )

    def _now(self, limits: tuple[Limit, ...]) -> Iterator[Panel]:
        signals = self.signals
        yield stat(signals.coverage, fleet.encrypted_share(signals), limits=limits, width=8)
        yield stat(signals.received, fleet.total(signals.received), width=8)
        if limits:
            yield self._below(limits[0])

    def _evidence(self) -> Iterator[Panel]:
        """What an auditor asks: how bad was it at worst, how much was not encrypted, and between whom."""
        signals = self.signals
        worst = over_time("min", fleet.chosen(signals.coverage), RANGE)
        counted = Binary("*", over_time("sum", fleet.chosen(signals.encryption.plaintext), RANGE), self._seconds)
        yield Table(
            key="evidence-services",
            title="Worst coverage and all plaintext by service",
            description=(
                "The lowest coverage in the time range that is shown, and how many requests and connections of it came "
                "in plaintext. A service that is missing received nothing that the mesh could see."
            ),
            queries=(
                Column(worst, "Lowest coverage", "ratio", decimals=2),
                Column(counted, "In plaintext", "events", decimals=0),
            ),
            no_value=signals.coverage.absent,
            keys=self._keys,
            sort="Lowest coverage",
            descending=False,
            width=10,
            height=12,
        )
        yield self._edges()

    def _edges(self) -> Table:
        arrived = self.signals.arrivals
        whole = self._summed(arrived.where((fleet.CHOSEN,)))
        encrypted = self._summed(arrived.where((fleet.CHOSEN, telemetry.ENCRYPTED)))
        return Table(
            key="evidence-edges",
            title="Coverage by caller and service",
            description="Share of requests and connections over mutual TLS, between each two that talked.",
            queries=(
                Column(ratio(or_zero(encrypted, whole), whole), "Coverage", "ratio", decimals=2),
                Column(Binary("*", whole, self._seconds), "Requests and connections", "events", decimals=0),
            ),
            no_value=arrived.absent,
            keys=EDGE_KEYS,
            sort="Coverage",
            descending=False,
            width=14,
            height=12,
        )

    def _authorization(self) -> Iterator[Panel]:
        boundaries = self.signals.boundaries
        for signal in (boundaries.denied, boundaries.would_be_denied):
            yield series(signal, fleet.largest_pods(signal))

    @property
    def _keys(self) -> tuple[Key, ...]:
        find = by_column("Find service", self.inventory.mesh.name, "Service").url
        return Key(SERVICE_LABELS[0], "Namespace"), Key(SERVICE_LABELS[1], "Service", find)

    @property
    def _seconds(self) -> Number:
        """A record says how often in a second, and stands for so many of them."""
        return Number(self.inventory.mesh.prometheus.evaluation_interval / 1_000)

    @staticmethod
    def _summed(series_of_edges: Selector) -> Expr:
        return sum_by(EDGE_LABELS, over_time("sum", series_of_edges, RANGE))

    def _below(self, limit: Limit) -> Stat:
        """How many services are below the line. `bool` keeps a 0 for each other service, so none is 0."""
        below = Binary("< bool", fleet.chosen(self.signals.coverage), Number(limit.threshold.value))
        says = "Services that get less mutual TLS than they are held to, declared exceptions among them."
        return Stat(
            key="services-below",
            title="Services below the line",
            description=explained(says, "ratio", (limit,)),
            queries=(Query(sum_by((), below), "Services"),),
            no_value="no traffic",
            unit="count",
            width=8,
            height=4,
        )

    def _services(self, limits: tuple[Limit, ...]) -> Table:
        signals = self.signals
        shown = ((signals.coverage, limits), (signals.coverage_inside, limits), (signals.received, ()))
        return Table(
            key="services",
            title="Coverage now",
            description=(
                "Every service that something arrives at, the least covered first. One with a declared exception is "
                "judged by its callers in the mesh alone."
            ),
            queries=tuple(Column(fleet.chosen(signal), signal.title, signal.unit, drawn) for signal, drawn in shown),
            no_value="no traffic",
            keys=self._keys,
            sort=signals.coverage.title,
            descending=False,
            width=24,
            height=10,
        )
