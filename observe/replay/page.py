"""The page of a simulated mesh: what happens, what could, and a button for each."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from observe.replay.mesh import Mesh, State
    from observe.simulation import Incident

STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; }
td { border-top: 1px solid #ccc; padding: .4rem .6rem; vertical-align: top; }
.now { border-left: 4px solid #c00; padding-left: 1rem; }
@media (prefers-color-scheme: dark) { body { background: #181b1f; color: #ccc; } a { color: #6e9fff; } }
"""


def page(mesh: Mesh) -> str:
    """HTML that needs nothing else."""
    name, state = escape(mesh.inventory.mesh.name), mesh.state()
    rows = "".join(map(_row, mesh.possible))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}, simulated</title><style>{STYLE}</style></head><body>
<h1>{name}, simulated</h1>
<p>{len(mesh.inventory.services)} services, {state.series} series at <a href="/metrics">/metrics</a>{_speed(state)}.
<a href="/state">/state</a> says as JSON what happens.</p>
{_now(state)}
<h2>What may happen</h2>
<table>{rows}</table>
</body></html>
"""


def _speed(state: State) -> str:
    return "" if state.speed == 1 else f", time runs {state.speed:g} times as fast as ours"


def _now(state: State) -> str:
    happening = state.happening
    if happening is None:
        return "<p>Nothing is wrong.</p>"
    one = happening.incident
    began = state.seconds - happening.begin
    when = f"since {_minutes(began)}" if began >= 0 else f"in {_minutes(-began)}"
    expected = "; ".join(" ".join(filter(None, pair)) for pair in one.expects)
    told = f"<p>Alerts to expect: {escape(expected)}.</p>" if expected else ""
    return f"""<div class="now"><p><b>{escape(one.title)}</b> ({when}, ends in
{_minutes(happening.end - state.seconds)}). {escape(one.story)}</p>{told}
<form method="post" action="/recover"><button>Recover</button></form></div>"""


def _row(one: Incident) -> str:
    return f"""<tr><td><form method="post" action="/incident/{escape(one.name)}"><button>{escape(one.name)}</button>
</form></td><td><b>{escape(one.title)}</b><br>{escape(one.story)}</td></tr>"""


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
