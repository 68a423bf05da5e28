"""Panels that show signals. They read what alerts read, and draw what alerts compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.boards.panel import Limit, Link, Query, Stat, TimeSeries
from observe.model import Mesh, format_duration, format_percent
from observe.naming import mtls_uid, overview_uid, pack_tag

if TYPE_CHECKING:
    from collections.abc import Callable

    from observe.promql import Expr
    from observe.signals import Catalogue, Signal
    from observe.signals.signal import Unit

NO_TRAFFIC: Final = "no traffic"
NOT_REPORTED: Final = "no calling proxy reports it"
"""Envoy's own counters exist only where a proxy with the pack's stats matcher knows the service."""


def series(
    signal: Signal,
    *queries: Query,
    title: str | None = None,
    limits: tuple[Limit, ...] = (),
    no_value: str = NO_TRAFFIC,
    width: int = 12,
) -> TimeSeries:
    """A signal over time. The panel's key is the signal's id: what alerts link to."""
    return TimeSeries(
        key=signal.id,
        title=title or signal.title,
        description=explained(signal.description, signal.unit, limits),
        queries=queries,
        no_value=no_value,
        unit=signal.unit,
        limits=limits,
        maximum=1 if any(limit.broken == "below" for limit in limits) else None,
        width=width,
    )


def chart(
    key: str, title: str, description: str, unit: Unit, *queries: Query, no_value: str = NO_TRAFFIC
) -> TimeSeries:
    """Something over time that is no signal: no rule reads it and no alert compares it."""
    return TimeSeries(key=key, title=title, description=description, unit=unit, queries=queries, no_value=no_value)


def error_rates(
    signals: Catalogue, draw: Callable[..., TimeSeries], warning: tuple[Limit, ...], critical: tuple[Limit, ...]
) -> tuple[TimeSeries, ...]:
    """The error rate over the long window and the short one, each with the limit of its alert.

    In a mesh that is scraped rarely the two windows are the same, and so the panels are one.
    """
    slow, fast = signals.errors, signals.fast_errors
    if slow.id == fast.id:
        return (draw(slow, limits=warning + critical),)
    return draw(slow, limits=warning), draw(fast, title=f"{fast.title} in the short window", limits=critical)


def stat(
    signal: Signal, expr: Expr, *, limits: tuple[Limit, ...] = (), no_value: str = NO_TRAFFIC, width: int = 6
) -> Stat:
    """A signal's present value."""
    return Stat(
        key=f"now-{signal.id}",
        title=signal.title,
        description=explained(signal.description, signal.unit, limits),
        queries=(Query(expr, signal.title),),
        no_value=no_value,
        unit=signal.unit,
        limits=limits,
        width=width,
        height=4,
    )


def explained(text: str, unit: Unit, limits: tuple[Limit, ...]) -> str:
    """A description that also says what the limits are and who chose them."""
    sentences = (
        f"{said(limit.threshold.value, unit)} is the {limit.severity} threshold ({limit.threshold.source})."
        for limit in limits
    )
    return " ".join((text, *sentences))


def said(value: float, unit: Unit) -> str:
    """A limit as people write it: `5%`, `2s`, `0`."""
    if unit == "ratio":
        return format_percent(value)
    return format_duration(round(value)) if unit == "milliseconds" else f"{value:g}"


def mesh_links(mesh: Mesh) -> tuple[Link, ...]:
    """The ways to the mesh's other dashboards, the same on every board."""
    return (
        Link("Mesh overview", uid=overview_uid(mesh.name)),
        Link("mTLS coverage", uid=mtls_uid(mesh.name)),
        Link("All dashboards of this mesh", tag=pack_tag(mesh.name)),
    )
