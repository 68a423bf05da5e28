"""A panel as it goes into the page."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

Figure: TypeAlias = dict[str, Any]
"""`data` and `layout` as plotly.js takes them. Texts in it are escaped: plotly reads tags in them."""


@dataclass(frozen=True, slots=True)
class Drawn:
    body: str = ""
    """HTML in which everything foreign is escaped."""
    figure: Figure | None = None
    """What goes above the body."""
    summary: str = ""
    """What the figure shows, for who cannot see it."""
    beside: bool = False
    """Whether the body stands at the right of the figure, not below it."""
    notes: tuple[str, ...] = ()
    """What could not be drawn as Grafana draws it."""


def message(text: str) -> Drawn:
    """A panel without data."""
    return Drawn(f'<p class="nothing">{escape(text)}</p>')


def significant(value: float) -> float:
    """To six digits: more of them nobody sees, and they are most of a page's bytes."""
    return float(f"{value:.6g}")


def listed(items: Iterable[str]) -> str:
    """A list of texts as HTML."""
    return "".join(f"<li>{escape(item)}</li>" for item in items)
