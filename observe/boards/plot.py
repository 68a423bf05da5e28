"""Panels that show signals. They read what alerts read, and draw what alerts compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.boards.panel import AlertMarks, DataLink, Limit, Link, Marks, PublishMarks, Query, Stat, TimeSeries
from observe.model import Mesh, format_duration, format_percent
from observe.naming import (
    control_plane_uid,
    ingress_uid,
    migration_uid,
    mtls_uid,
    overview_uid,
    pack_tag,
    resilience_uid,
)
from observe.promql import Matcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from observe.promql import Expr
    from observe.signals import Catalogue, Signal
    from observe.signals.signal import Unit

BASELINE: Final = "$baseline"
"""How much earlier the time is that the migration board compares with."""


def series(
    signal: Signal,
    *queries: Query,
    title: str | None = None,
    limits: tuple[Limit, ...] = (),
    width: int = 12,
    height: int = 8,
    stacked: bool = False,
    link: DataLink | None = None,
) -> TimeSeries:
    """A signal over time. The panel's key is the signal's id: what alerts link to."""
    return TimeSeries(
        key=signal.id,
        title=title or signal.title,
        description=described(signal, limits),
        queries=queries,
        no_value=signal.absent,
        unit=signal.unit,
        limits=limits,
        maximum=1 if signal.unit == "ratio" and any(limit.broken == "below" for limit in limits) else None,
        width=width,
        height=height,
        stacked=stacked,
        decimals=_decimals(signal),
        link=link,
    )


def chart(
    key: str,
    signal: Signal,
    title: str,
    description: str,
    *queries: Query,
    unit: Unit | None = None,
    absent: str | None = None,
    width: int = 12,
) -> TimeSeries:
    """Another view of a signal: what alerts compare is on the panel that has its id."""
    return TimeSeries(
        key=key,
        title=title,
        description=_with_absence(description, signal, absent),
        unit=unit or signal.unit,
        queries=queries,
        no_value=absent or signal.absent,
        width=width,
    )


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
    signal: Signal,
    expr: Expr,
    *,
    title: str | None = None,
    limits: tuple[Limit, ...] = (),
    width: int = 6,
    link: DataLink | None = None,
) -> Stat:
    """A signal's present value."""
    return Stat(
        key=f"now-{signal.id}",
        title=title or signal.title,
        description=described(signal, limits),
        queries=(Query(expr, signal.title),),
        no_value=signal.absent,
        unit=signal.unit,
        limits=limits,
        width=width,
        height=4,
        decimals=_decimals(signal),
        link=link,
    )


def _decimals(signal: Signal) -> int | None:
    """Shares to a hundredth of a per cent: Grafana by itself makes 99.96 % a full 100 %."""
    return 2 if signal.unit == "ratio" else None


def described(signal: Signal, limits: tuple[Limit, ...] = ()) -> str:
    """What a panel says of itself: what is measured, by which limits it is judged, and why it may be empty."""
    return _with_absence(explained(signal.description, signal.unit, limits), signal)


def _with_absence(text: str, signal: Signal, absent: str | None = None) -> str:
    needs = f" Needs the proxies' statistics {', '.join(signal.needs_stats)}." if signal.needs_stats else ""
    return f"{text} Empty: {absent or signal.absent}.{needs}"


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
        Link("Resilience", uid=resilience_uid(mesh.name)),
        Link("mTLS coverage", uid=mtls_uid(mesh.name)),
        Link("Ingress", uid=ingress_uid(mesh.name)),
        Link("Control plane", uid=control_plane_uid(mesh.name)),
        Link("Migration", uid=migration_uid(mesh.name)),
        Link("All dashboards of this mesh", tag=pack_tag(mesh.name)),
    )


def marks(mesh: Mesh, *matchers: Matcher) -> tuple[Marks, ...]:
    """When pages went out and when the pack was published; tickets are there to be switched on."""
    own = (Matcher("mesh", "=", mesh.name), *matchers)
    return (
        AlertMarks(title="Pages", matchers=own),
        AlertMarks(title="Tickets", matchers=own, severity="warning", shown=False),
        PublishMarks(title="Publishes", tag=pack_tag(mesh.name)),
    )
