"""What enters the mesh through gateways, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from observe import naming, telemetry
from observe.boards import markdown
from observe.boards.links import by_column
from observe.boards.panel import Board, Column, Key, Panel, Query, Row, Table, Text
from observe.boards.plot import chart, marks, mesh_links, series
from observe.boards.split import FLAGGED, FLAGS
from observe.promql import or_zero, ratio, sum_by
from observe.signals.requests import CALLER_LABELS, EDGE_LABELS, faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Inventory
    from observe.signals import Catalogue

GATEWAY = "{{source_workload_namespace}}/{{source_workload}}"


def ingress_board(inventory: Inventory, signals: Catalogue) -> Board:
    """Requests through the gateways: how many, how they end, and where they go."""
    mesh = inventory.mesh
    return Board(
        uid=naming.ingress_uid(mesh.name),
        title=f"{mesh.name}: ingress",
        description=f"Requests that enter the {mesh.name} mesh through its gateways.",
        tags=("istio", "ingress"),
        rows=_Author(inventory, signals).rows(),
        links=mesh_links(mesh),
        marks=marks(mesh),
    )


@dataclass(frozen=True, slots=True)
class _Author:
    """Lays out the ingress dashboard."""

    inventory: Inventory
    signals: Catalogue

    def rows(self) -> tuple[Row, ...]:
        listed = _exposures(self.inventory)
        exposed = Text(
            key="exposures", title="What is exposed", content=listed, width=24, height=markdown.height(listed, most=12)
        )
        return (
            Row("row-gateways", "Gateways", tuple(self._gateways())),
            Row("row-services", "Behind them", (*self._services(), exposed)),
        )

    def _gateways(self) -> Iterator[Panel]:
        answers, unrouted = self.signals.boundaries.gateway_answers, self.signals.boundaries.unrouted
        rate = sum_by(CALLER_LABELS, answers.where())
        says = "Requests per second through each gateway to services of the mesh."
        yield chart("gateway-rate", answers, "Requests by gateway", says, Query(rate, GATEWAY), width=8)
        failed = ratio(or_zero(sum_by(CALLER_LABELS, faults(answers)), rate), rate)
        says = "Share of the requests through each gateway that fail, as the error rate counts failures."
        share = Query(failed, GATEWAY)
        yield chart("gateway-errors", answers, "Error rate by gateway", says, share, unit="ratio", width=8)
        yield series(unrouted, Query(unrouted.where(), GATEWAY), width=8)
        codes = Query(sum_by(("response_code",), answers.where()), "HTTP {{response_code}}")
        says = "Responses per second through all gateways. Code 0: the client left, or no response came."
        yield chart("gateway-codes", answers, "Response codes", says, codes)
        flags = Query(sum_by(("response_flags",), answers.where((FLAGGED,))), "{{response_flags}}")
        yield chart("gateway-flags", answers, "Response flags", FLAGS, flags, absent="no request was flagged")

    def _services(self) -> Iterator[Panel]:
        edges = self.signals.edges
        gateways = telemetry.from_gateway(self.inventory.mesh)
        rate, failed = edges.rate.where((gateways,)), edges.failed.where((gateways,))
        yield Table(
            key="gateway-services",
            title="Services behind gateways",
            description="Requests that gateways pass on, and the share that fails, by service.",
            queries=(
                Column(rate, "Requests", edges.rate.unit),
                Column(ratio(failed, rate), "Error rate", "ratio"),
            ),
            no_value=edges.rate.absent,
            keys=(
                *(Key(label, heading) for label, heading in zip(EDGE_LABELS[:3], HEADINGS[:3], strict=True)),
                Key(EDGE_LABELS[3], HEADINGS[3], by_column("Find service", self.inventory.mesh.name, HEADINGS[3]).url),
            ),
            sort="Error rate",
            width=24,
            height=8,
        )


HEADINGS = ("Gateway's namespace", "Gateway", "Namespace", "Service")


def _exposures(inventory: Inventory) -> str:
    """What the inventory exposes: the hosts and paths, and whose they are."""
    rows = [
        (markdown.escape(what), service.id, markdown.escape(service.owner))
        for service in inventory.services
        for what in (
            *(f"{exposure.host} ({exposure.gateway})" for exposure in service.exposures),
            *(f"{caller.name} ({caller.via})" for caller in service.external_callers),
        )
    ]
    if not rows:
        return "Nothing is declared: no service has `exposures` or `external_callers`."
    return markdown.table(("Host or caller", "Service", "Owner"), rows)
