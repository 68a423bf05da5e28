"""TCP connections: how many are opened, how many fail, how much is sent over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.naming import SERVICE_LABELS, record
from observe.promql import Matcher, Selector, or_zero, rate, ratio, sum_by, union
from observe.signals.requests import EDGE_LABELS
from observe.signals.signal import Signal

if TYPE_CHECKING:
    from observe.model import Mesh
    from observe.promql import Expr

CALLER_SIDE: Final = Matcher("reporter", "=", "source")
"""Who dials knows of failed connections; they never reach the other side."""
FAILED: Final = Matcher("response_flags", "=~", "(.+,)?(UF|UH|UO|NR|NC)(,.+)?")
"""Flags with which a connection ended before it began. They are frozen when it is first reported, so what breaks
later is not seen (istio/proxy `istio_stats.cc`)."""
NOTHING: Final = "no new TCP connections"


@dataclass(frozen=True, slots=True)
class Connections:
    """TCP connections by service."""

    by_caller: Signal
    """Opened ones: the one reading of the raw counter."""
    opened: Signal
    failed: Signal
    share: Signal
    """The share that fails."""
    received: Signal
    sent: Signal


def connections(mesh: Mesh, window: str) -> Connections:
    """TCP connections over the window."""
    by_caller = Signal(
        id=f"edge-connections-{window}",
        title="Connections by caller",
        unit="per second",
        description="TCP connections per second that callers opened or tried to, by caller and service.",
        record=record("edge", "istio_tcp_connections", f"rate{window}"),
        measure=sum_by(EDGE_LABELS, _seen(mesh, telemetry.TCP_OPENED, window)),
        labels=EDGE_LABELS,
        absent=NOTHING,
    )
    opened = Signal(
        id=f"connections-{window}",
        title="New TCP connections",
        unit="per second",
        description="TCP connections per second that callers opened or tried to.",
        record=record("service", "istio_tcp_connections", f"rate{window}"),
        measure=sum_by(SERVICE_LABELS, by_caller.where()),
        absent=NOTHING,
    )
    failed = Signal(
        id=f"connections-failed-{window}",
        title="Failed TCP connections",
        unit="per second",
        description="TCP connections per second that could not be opened: refused, timed out, or no instance to dial.",
        record=record("service", "istio_tcp_connections_failed", f"rate{window}"),
        measure=or_zero(sum_by(SERVICE_LABELS, _failures(mesh, window)), opened.where()),
        absent=NOTHING,
    )
    share = Signal(
        id=f"connections-failed-ratio-{window}",
        title="Failed share of TCP connections",
        unit="ratio",
        description="Share of TCP connections that could not be opened.",
        record=record("service", "istio_tcp_connections_failed", f"ratio_rate{window}"),
        measure=ratio(failed.where(), opened.where()),
        absent=NOTHING,
    )
    received, sent = _bytes(mesh, window, "received"), _bytes(mesh, window, "sent")
    return Connections(by_caller, opened, failed, share, received, sent)


def _seen(mesh: Mesh, metric: str, window: str, *more: Matcher) -> Expr:
    """A counter of connections, each counted once. Failed ones are among those opened: ztunnel too counts a connection
    as opened before it dials (`outbound.rs`).

    In ambient by the caller's ztunnel alone. The callee's names callers outside the mesh by their workload, as any.
    """
    views = ((CALLER_SIDE,),) if mesh.data_plane == "ambient" else telemetry.vantage(mesh)
    return union(*(rate(Selector(metric, (*view, *more, telemetry.NO_SERVICE)), window) for view in views))


def _failures(mesh: Mesh, window: str) -> Expr:
    if _counted_apart(mesh):
        return _seen(mesh, telemetry.TCP_FAILED, window)
    return _seen(mesh, telemetry.TCP_OPENED, window, FAILED)


def _counted_apart(mesh: Mesh) -> bool:
    """Whether failed connections have a counter of their own: ztunnel's, since Istio 1.29 (`metrics.rs`)."""
    return mesh.data_plane == "ambient" and mesh.istio_minor >= 29


def _bytes(mesh: Mesh, window: str, direction: str) -> Signal:
    metric = {"received": telemetry.TCP_RECEIVED, "sent": telemetry.TCP_SENT}[direction]
    if mesh.data_plane == "ambient":
        seen: Expr = rate(Selector(metric, (telemetry.receiver(mesh), telemetry.NO_SERVICE)), window)
    else:
        seen = _seen(mesh, metric, window)
    what = {"received": "from callers to the service", "sent": "from the service to callers"}[direction]
    return Signal(
        id=f"tcp-bytes-{direction}-{window}",
        title=f"TCP bytes {direction}",
        unit="bytes/s",
        description=f"Bytes per second over TCP connections, {what}.",
        record=record("service", f"istio_tcp_{direction}_bytes", f"rate{window}"),
        measure=sum_by(SERVICE_LABELS, seen),
        absent="no TCP traffic",
    )
