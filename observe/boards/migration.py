"""Before, during and after a move into the mesh: the same figures now and some time ago.

The baseline is what the records themselves say of the time before, so that it cannot differ in how it was measured.
What had no proxy then has no baseline; its callers' reports are the nearest to one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe import naming
from observe.boards import fleet, markdown
from observe.boards.links import by_column
from observe.boards.panel import Board, Choice, Column, Key, Line, Panel, Query, Row, Table, Text, TimeSeries
from observe.boards.plaintext import who_speaks_plaintext
from observe.boards.plot import BASELINE, described, marks, mesh_links, series
from observe.naming import SERVICE_LABELS
from observe.promql import Aggregation, Binary, Expr, Number, Selector, before, quantile, ratio, sum_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Inventory
    from observe.signals import Catalogue, Signal

BASELINES: Final = ("1d", "7d", "14d", "28d")
"""A day for a first wave, whole weeks since Mondays differ from Sundays."""
GUIDE: Final = """\
Solid lines are now, dashed ones the same at the time chosen at the top as **baseline**.

1. **Before**: let the rules record for a week. A service without a proxy is seen by its callers' proxies alone.
2. **During**: the first row tells how far the move is. Errors, failed connections or TLS handshakes that rise with it
   are its doing.
3. **After**: latency and the proxies' own CPU and memory are what the mesh costs.
"""


def migration_board(inventory: Inventory, signals: Catalogue) -> Board:
    """How the mesh does against a time before."""
    mesh = inventory.mesh
    return Board(
        uid=naming.migration_uid(mesh.name),
        title=f"{mesh.name}: migration",
        description=f"The {mesh.name} mesh before, during and after a move, against a baseline.",
        tags=("istio", "migration"),
        rows=_Author(inventory, signals).rows(),
        variables=(Choice("baseline", "Baseline", BASELINES), fleet.namespace_variable(signals.rate)),
        links=mesh_links(mesh),
        marks=marks(mesh),
        hours=6,
    )


@dataclass(frozen=True, slots=True)
class _Author:
    """Lays out the migration dashboard."""

    inventory: Inventory
    signals: Catalogue

    def rows(self) -> tuple[Row, ...]:
        guide = Text(
            key="guide", title="How to read this", content=GUIDE, width=24, height=markdown.height(GUIDE, most=8)
        )
        return (
            Row("row-progress", "How far it is", (*self._progress(), guide)),
            Row("row-traffic", "Requests and connections", tuple(self._traffic())),
            Row("row-latency", "Latency", tuple(self._latency())),
            Row("row-resilience", "Circuit breakers and retries", tuple(self._resilience())),
            Row("row-services", "Services against the baseline", (self._services(),)),
            Row("row-proxies", "What the proxies cost", tuple(self._proxies())),
            Row("row-plaintext", "Still in plaintext", (who_speaks_plaintext(self.signals),), collapsed=True),
        )

    def _progress(self) -> Iterator[Panel]:
        signals = self.signals
        proxies = signals.presence.proxies
        by_namespace = Aggregation("count", ("namespace",), fleet.chosen_pods(proxies))
        yield series(proxies, Query(by_namespace, "{{namespace}}"), title="Proxies by namespace", width=8)
        yield self._compared(signals.coverage, fleet.encrypted_share(signals), width=8)
        yield self._compared(
            signals.breakers.handshakes_failed, fleet.total(signals.breakers.handshakes_failed), width=8
        )

    def _traffic(self) -> Iterator[Panel]:
        signals, tcp = self.signals, self.signals.connections
        yield self._compared(signals.rate, fleet.total(signals.rate))
        yield self._compared(signals.errors, fleet.failed_share(signals))
        yield self._compared(tcp.opened, fleet.total(tcp.opened))
        yield self._compared(tcp.share, ratio(fleet.total(tcp.failed), fleet.total(tcp.opened)))

    def _latency(self) -> Iterator[Panel]:
        buckets = sum_by(("le",), fleet.chosen(self.signals.buckets))
        for share, signal in self.signals.quantiles:
            if share in (0.5, 0.95, 0.99):
                yield self._compared(signal, quantile(share, buckets), width=8)

    def _resilience(self) -> Iterator[Panel]:
        signals, breakers = self.signals, self.signals.breakers
        yield self._compared(breakers.ejections, fleet.total(breakers.ejections), width=8)
        yield self._compared(breakers.turned_away, fleet.total(breakers.turned_away), width=8)
        share = ratio(fleet.total(signals.retries.rate), fleet.total(signals.rate))
        yield self._compared(signals.retries.share, share, width=8)

    def _proxies(self) -> Iterator[Panel]:
        for signal in (self.signals.saturation.cpu, self.signals.saturation.memory):
            yield self._compared(signal, sum_by((), fleet.chosen_pods(signal)))

    def _services(self) -> Table:
        signals = self.signals
        tail, errors = signals.latency(0.99), signals.errors
        return Table(
            key="services",
            title="Services",
            description=(
                "P99 latency and error rate of each service now and at the baseline; where latency grew most is first. "
                "A service without a value at the baseline had no traffic that the mesh saw."
            ),
            queries=(
                Column(fleet.chosen(tail), "P99 now", tail.unit),
                Column(_earlier(fleet.chosen(tail)), "P99 then", tail.unit),
                Column(_times(fleet.chosen(tail)), "P99 now / then", "count", decimals=2),
                Column(fleet.chosen(errors), "Errors now", errors.unit),
                Column(_earlier(fleet.chosen(errors)), "Errors then", errors.unit),
            ),
            no_value=signals.rate.absent,
            keys=(
                Key(SERVICE_LABELS[0], "Namespace"),
                Key(SERVICE_LABELS[1], "Service", by_column("Find service", self.inventory.mesh.name, "Service").url),
            ),
            sort="P99 now / then",
            width=24,
            height=12,
        )

    def _compared(self, signal: Signal, expr: Expr, *, width: int = 12) -> TimeSeries:
        """A figure now, and dashed what it was."""
        return TimeSeries(
            key=signal.id,
            title=signal.title,
            description=described(signal),
            queries=(Query(expr, "now"), Line(_earlier(expr), f"{BASELINE} ago", dashed=True)),
            no_value=signal.absent,
            unit=signal.unit,
            width=width,
        )


def _earlier(expr: Expr) -> Expr:
    return before(expr, BASELINE)


def _times(series_now: Selector) -> Expr:
    return Binary("/", series_now, Binary(">", _earlier(series_now), Number(0)))
