"""Text panels: Markdown, of which tags that somebody wrote stay text."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from observe.preview import library
from observe.preview.drawn import Drawn

if TYPE_CHECKING:
    from collections.abc import Callable

    from observe.preview.dashboard import Panel


def draw(panel: Panel, content: str, link_to: Callable[[str], str | None]) -> Drawn:
    """The panel's content, variables filled in. HTML is shown as it is written, never as what it means."""
    if panel.options.get("mode", "markdown") != "markdown":
        return Drawn(f'<pre class="prose">{escape(content)}</pre>')
    return Drawn(f'<div class="prose">{to_html(content, link_to)}</div>')


def to_html(content: str, link_to: Callable[[str], str | None]) -> str:
    """Markdown with tables as HTML. Links that lead to a dashboard of this page work; others keep their address."""
    markdown = library.markdown()
    tokens = markdown.parse(content)
    for token in tokens:
        for inner in token.children or ():
            if inner.type == "link_open":
                _lead(inner, link_to)
    return str(markdown.renderer.render(tokens, markdown.options, {}))


def _lead(link: Any, link_to: Callable[[str], str | None]) -> None:
    address = str(link.attrGet("href") or "")
    inside = link_to(address)
    if inside:
        link.attrSet("href", inside)
    elif not address.startswith(("http://", "https://")):
        # It leads into Grafana, which is not here.
        link.attrs.pop("href", None)
        link.attrSet("title", f"{address} (in Grafana)")
    else:
        link.attrSet("rel", "noreferrer noopener")
        link.attrSet("target", "_blank")
