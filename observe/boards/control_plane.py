"""istiod, certificates and the proxies themselves: what the mesh's own team answers for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from observe import naming, policy
from observe.boards import fleet
from observe.boards.panel import Board, Heatmap, Limit, Query, Row, State
from observe.boards.plaintext import shortest_certificates
from observe.boards.plot import described, marks, mesh_links, series, stat
from observe.promql import Aggregation, Matcher

if TYPE_CHECKING:
    from observe.boards.panel import Panel
    from observe.model import Inventory
    from observe.signals import Catalogue, Signal


def control_plane_board(inventory: Inventory, signals: Catalogue) -> Board:
    """Whether proxies get their configuration and certificates, and what they cost."""
    mesh = inventory.mesh
    return Board(
        uid=naming.control_plane_uid(mesh.name),
        title=f"{mesh.name}: control plane and proxies",
        description=f"istiod, certificates, injection and proxies of the {mesh.name} mesh.",
        tags=("istio", "control-plane"),
        rows=_rows(signals),
        variables=(fleet.pod_namespace_variable(signals.presence.proxies),),
        links=mesh_links(mesh),
        marks=marks(mesh, Matcher("team", "=", mesh.owner)),
    )


def _rows(signals: Catalogue) -> tuple[Row, ...]:
    plane, presence = signals.control_plane, signals.presence
    return (
        Row(
            "row-now",
            "Now",
            (
                replace(stat(plane.instances, plane.instances.where()), states=(State(0, "none", "critical"),)),
                stat(plane.proxies, plane.proxies.where()),
                stat(presence.mesh, presence.mesh.where()),
                stat(plane.convergence, plane.convergence.where(), limits=(Limit(policy.CONVERGENCE),)),
            ),
        ),
        Row(
            "row-presence",
            "Who is there",
            (_alone(plane.instances), _alone(presence.mesh), _by(plane.versions, "{{component}} {{tag}}")),
        ),
        Row(
            "row-configuration",
            "Configuration",
            (
                series(
                    plane.convergence,
                    Query(plane.convergence.where(), plane.convergence.title),
                    limits=(Limit(policy.CONVERGENCE),),
                ),
                _by(plane.rejects, "{{type}}", width=12),
                _by(plane.push_errors, "{{type}}", width=12),
                _by(plane.conflicts, "{{conflict}}", width=12),
            ),
        ),
        Row("row-certificates", "Certificates", _certificates(signals)),
        Row(
            "row-injection",
            "Injection and validation",
            (
                _alone(plane.injected),
                _alone(plane.injection_failures),
                _by(plane.validation_failures, "{{resource}}: {{reason}}"),
            ),
        ),
        Row(
            "row-pushes", "Pushes", (_by(plane.pushes, "{{type}}"), _delays(plane.convergence_buckets)), collapsed=True
        ),
        Row(
            "row-proxies",
            "What proxies use",
            (
                *(
                    series(signal, fleet.largest_pods(signal))
                    for signal in (signals.saturation.cpu, signals.saturation.memory)
                ),
                series(presence.unreachable, Query(_count(presence.unreachable), "{{namespace}}")),
                series(presence.proxies, Query(_count(presence.proxies), "{{namespace}}")),
            ),
            collapsed=True,
        ),
    )


def _certificates(signals: Catalogue) -> tuple[Panel, ...]:
    authority = signals.certificates.authority
    kept = (Limit(policy.AUTHORITY, broken="below"), Limit(policy.AUTHORITY_CRITICAL, "critical", "below"))
    return (
        shortest_certificates(signals),
        series(authority, Query(authority.where(), "{{certificate}}"), limits=kept),
    )


def _alone(signal: Signal) -> Panel:
    return series(signal, Query(signal.where(), signal.title), width=8)


def _by(signal: Signal, legend: str, *, width: int = 8) -> Panel:
    return series(signal, Query(signal.where(), legend), width=width)


def _count(signal: Signal) -> Aggregation:
    return Aggregation("count", ("namespace",), fleet.chosen_pods(signal))


def _delays(buckets: Signal) -> Heatmap:
    return Heatmap(
        key=buckets.id,
        title=buckets.title,
        description=described(buckets),
        queries=(Query(buckets.where(), "{{le}}"),),
        no_value=buckets.absent,
        unit="seconds",
        cells="per second",
    )
