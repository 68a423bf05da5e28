"""mTLS coverage, for operators and auditors: how much is encrypted, who still is not, what was decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe import naming
from observe.boards import fleet
from observe.boards.exceptions import exceptions
from observe.boards.overview import lowest_coverage
from observe.boards.panel import Board, Column, Key, Limit, Panel, Query, Row, Stat, Table, Text
from observe.boards.plaintext import certificates, who_speaks_plaintext
from observe.boards.plot import explained, mesh_links, stat
from observe.naming import SERVICE_LABELS
from observe.promql import Binary, Number, sum_by

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
        hours=24,
    )


@dataclass(frozen=True, slots=True)
class _Author:
    """Lays out the mTLS dashboard."""

    inventory: Inventory
    signals: Catalogue

    def rows(self, limits: tuple[Limit, ...]) -> tuple[Row, ...]:
        mesh = self.inventory.mesh
        scope = Text(key="scope", title="What this can and cannot show", content=SCOPE, width=8, height=10)
        declared = Text(key="exceptions", title="Exceptions", content=exceptions(self.inventory), width=24)
        coverage = (lowest_coverage(self.signals, limits), self._services(limits))
        return (
            Row("row-now", "Now", tuple(self._now(limits))),
            Row("row-coverage", "Coverage by service", coverage),
            Row("row-plaintext", "Who still speaks plaintext", (who_speaks_plaintext(mesh), scope)),
            Row("row-exceptions", "Declared exceptions", (declared,)),
            Row("row-certificates", "Certificates", tuple(certificates(mesh))),
        )

    def _now(self, limits: tuple[Limit, ...]) -> Iterator[Panel]:
        signals = self.signals
        yield stat(signals.coverage, fleet.encrypted_share(signals), limits=limits, width=8)
        yield stat(signals.received, fleet.total(signals.received), width=8)
        if limits:
            yield self._below(limits[0])

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
            description="Every service that something arrives at, the least covered first.",
            queries=tuple(Column(fleet.chosen(signal), signal.title, signal.unit, drawn) for signal, drawn in shown),
            no_value="no traffic",
            keys=(Key(SERVICE_LABELS[0], "Namespace"), Key(SERVICE_LABELS[1], "Service")),
            sort=signals.coverage.title,
            descending=False,
            width=24,
            height=10,
        )
