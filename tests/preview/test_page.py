"""The page as a whole: what it may hold, what it may never do, and what it says where it cannot draw."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from base64 import b64encode
from html.parser import HTMLParser
from typing import Any

import pytest

from observe.clients.prometheus import Answer, QueryFailed
from observe.errors import UsageError
from observe.preview import draw, prepare, read
from tests.conftest import ROOT
from tests.preview.boards import END, Told, board, drawn, instant, now, only, page, panel, series, target

HOSTILE = '</script><img src=x onerror="alert(1)">&amp;\'"<b>'
"""Closes a script, brings a picture with a handler, and has every character that HTML gives a meaning."""


class Read(HTMLParser):
    """The tags of a page with their attributes, its scripts, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the signature of the base class
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        else:
            self.words.append(data)


def everything(name: str) -> tuple[Any, Told]:
    """A dashboard of all kinds of panels whose texts and data are all `name`, and the data."""
    links = [{"title": name, "url": f"javascript:{name}"}]
    where = [{"x": 0, "y": place * 8, "w": 24, "h": 8} for place in range(8)]
    common = {"title": name, "description": name, "links": links}
    legend = {"legend": {"displayMode": "table", "calcs": ["max"]}}
    prose = {"mode": "markdown", "content": f"{name}\n\n[{name}](javascript:alert)\n\n| {name} |\n|-|\n| x |"}
    ends = {"unit": f"suffix:{name}"}
    graph, buckets = target("graph", legendFormat="{{a}}"), target("heat", format="heatmap")
    panels = [
        panel("timeseries", graph, **common, gridPos=where[0], defaults={"unit": name, "custom": {"axisLabel": name}}),
        panel("timeseries", graph, **common, gridPos=where[1], options=legend),
        panel("stat", instant("now", legendFormat="{{a}}"), **common, gridPos=where[2], defaults=ends),
        panel("table", instant("now", format="table"), **common, gridPos=where[3]),
        panel("text", **common, gridPos=where[4], options=prose),
        panel("heatmap", buckets, **common, gridPos=where[5], options={"yAxis": {"unit": name}}),
        panel("timeseries", target("broken"), **common, gridPos=where[6], defaults={"noValue": name}),
        panel(name, target("nothing"), **common, gridPos=where[7]),
    ]  # fmt: skip
    annotation = {
        "name": name,
        "enable": True,
        "expr": "events",
        "titleFormat": name,
        "textFormat": "{{a}}",
        "iconColor": name,
    }
    variable = {"name": "v", "label": name, "type": "custom", "query": name}
    made = board(
        *panels, uid=name, title=name, description=name, links=links,
        templating={"list": [variable]}, annotations={"list": [annotation]},
    )  # fmt: skip
    return made, Told(
        {
            "graph": Answer((series(1, 2, a=name), series(3)), (name,)),
            "now": [now(1, a=name), now(2, a=name, b=name)],
            "heat": [series(1, 2, le="1"), series(2, 3, le="+Inf")],
            "events": [series(1, a=name)],
            "broken": QueryFailed(name),
        }
    )


def test_hostile_texts_stay_texts() -> None:
    """The tags of a page of hostile names are those of a page of harmless ones."""
    hostile, harmless = (Read(page(*everything(name))) for name in (HOSTILE, "harmless"))

    def shape(found: Read) -> list[tuple[str, list[str]]]:
        return [(tag, sorted(attrs)) for tag, attrs in found.tags]

    assert shape(hostile) == shape(harmless)
    assert {tag for tag, _ in hostile.tags}.isdisjoint({"img", "iframe", "object"})
    handlers = [name for _, attrs in hostile.tags for name in attrs if name.startswith("on")]
    assert handlers == []
    assert not any("javascript:" in (attrs.get("href") or "") for _, attrs in hostile.tags)
    assert "".join(hostile.words).count(HOSTILE) >= 20


def test_texts_in_figures_are_escaped_for_plotly_which_reads_tags() -> None:
    made, told = everything(HOSTILE)
    figures = [one.drawn.figure for section in drawn(made, told).sections for one in section.panels if one.drawn.figure]
    assert len(figures) == 3
    assert "<img" not in json.dumps(figures)
    assert "&lt;img" in json.dumps(figures)


def test_the_page_loads_nothing_and_may_not() -> None:
    found = Read(page(*everything("harmless")))
    loading = {"src", "srcset", "data", "poster", "action", "background", "srcdoc"}
    assert [(tag, name) for tag, attrs in found.tags for name in attrs if name in loading] == []
    assert {"link", "base", "iframe", "object", "embed", "form"}.isdisjoint(tag for tag, _ in found.tags)
    policy = next(attrs["content"] or "" for tag, attrs in found.tags if tag == "meta" and "http-equiv" in attrs)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert (rules["style-src"], rules["img-src"]) == ("'unsafe-inline'", "data:")
    assert "unsafe" not in rules["script-src"]


def test_scripts_are_the_ones_that_the_policy_knows() -> None:
    text = page(*everything(HOSTILE))
    allowed = re.findall(r"'sha256-([^']+)'", text)
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert [b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts] == allowed
    assert len(allowed) == 2


def test_plotly_is_in_the_page_once() -> None:
    both = [board(panel("stat", instant()), uid=uid) for uid in ("a", "b")]
    told = Told()
    text = draw(prepare(both, told, END), told).decode()
    assert len(re.findall(r"plotly\.js v\d", text)) == 1
    assert text.count('<article data-uid="') == 2


def test_figures_are_what_plotly_takes() -> None:
    """Plotly refuses attributes that it does not know."""
    graph_objects = pytest.importorskip("plotly.graph_objects")
    made, told = everything("harmless")
    for section in drawn(made, told).sections:
        for one in section.panels:
            if one.drawn.figure:
                graph_objects.Figure(one.drawn.figure)


def test_same_answers_same_bytes_under_any_hash_seed() -> None:
    program = (
        "import hashlib\n"
        "from tests.preview.test_page import everything\n"
        "from tests.preview.boards import page\n"
        "print(hashlib.sha256(page(*everything('x')).encode()).hexdigest())"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(made) == 1


def test_a_dashboards_parts_are_where_grafana_has_them() -> None:
    text = page(
        board(
            {"type": "row", "title": "First", "gridPos": {"x": 0, "y": 0, "w": 24, "h": 1}, "panels": []},
            panel("stat", instant(), title="Left", gridPos={"x": 0, "y": 1, "w": 6, "h": 4}),
            panel("stat", instant(), title="Right", gridPos={"x": 6, "y": 1, "w": 18, "h": 4}),
            {
                "type": "row", "title": "Second", "gridPos": {"x": 0, "y": 5, "w": 24, "h": 1}, "collapsed": True,
                "panels": [panel("stat", instant(), title="Inside", gridPos={"x": 0, "y": 6, "w": 24, "h": 4})],
            },
        ),
        Told(),
    )  # fmt: skip
    assert re.findall(r"<details( open)?><summary><h2>(\w+)", text) == [(" open", "First"), ("", "Second")]
    places = re.findall(
        r'style="grid-column:(\d+)/span (\d+);grid-row:(\d+)/span (\d+);[^"]*" aria-label="(\w+)"', text
    )
    assert places == [("1", "6", "1", "4", "Left"), ("7", "18", "1", "4", "Right"), ("1", "24", "1", "4", "Inside")]
    assert "2026-03-01 11:00:00 to 2026-03-01 12:00:00 UTC" in text


def test_descriptions_are_there_for_the_pointer_and_for_who_has_none() -> None:
    text = page(board(panel("stat", instant(), description="Why it matters")), Told())
    assert re.search(
        r'<button type="button" aria-label="Description" aria-describedby="(tip-0-0-0)">i</button>'
        r'<span role="tooltip" id="\1">Why it matters</span>',
        text,
    )


def test_a_query_that_fails_says_so_on_its_panel_and_spoils_no_other() -> None:
    both = panel("timeseries", target("bad"), target("up", refId="B"))
    shown = only(board(both), Told({"bad": QueryFailed("1:3: parse error"), "up": [series(1)]}))
    assert shown.errors == ("A: 1:3: parse error",)
    assert shown.drawn.figure is not None
    alone = only(board(panel("timeseries", target("bad"))), Told({"bad": QueryFailed("no")}))
    assert alone.errors == ("A: no",)
    assert "No data" not in alone.drawn.body


def test_what_prometheus_remarks_stands_on_the_panel_once() -> None:
    answer = Answer((series(1),), ("not a counter",))
    both = panel("timeseries", target("a"), target("b", refId="B"))
    assert only(board(both), Told({"a": answer, "b": answer})).warnings == ("not a counter",)


UNDRAWN = [
    pytest.param({"type": "bargauge"}, "panels of the kind bargauge are not drawn", id="kind"),
    pytest.param({"repeat": "ns"}, "drawn once, where Grafana repeats it for each value of ns", id="repeat"),
    pytest.param({"options": {"graphMode": "area"}}, "options.graphMode = area", id="option"),
    pytest.param({"timeFrom": "2h"}, "timeFrom = 2h", id="setting of the panel"),
    pytest.param(
        {"fieldConfig": {"defaults": {"custom": {"fresh": 3}}, "overrides": []}},
        "fieldConfig.defaults.custom.fresh = 3",
        id="setting that Grafana may have one day",
    ),
    pytest.param(
        {"fieldConfig": {"defaults": {"unit": "currencyEUR"}, "overrides": []}},
        "the unit currencyEUR as Grafana writes it",
        id="unit",
    ),
    pytest.param(
        {"fieldConfig": {"defaults": {"thresholds": {"mode": "percentage", "steps": []}}, "overrides": []}},
        "fieldConfig.defaults.thresholds.mode = percentage",
        id="thresholds in percent",
    ),
    pytest.param({"transformations": [{"id": "groupBy"}]}, "the transformation groupBy", id="transformation"),
    pytest.param(
        {
            "fieldConfig": {
                "defaults": {},
                "overrides": [{"matcher": {"id": "byValue"}, "properties": [{"id": "max2"}]}],
            }
        },
        "overrides that match byValue",
        id="matcher",
    ),
    pytest.param(
        {"fieldConfig": {"defaults": {}, "overrides": [{"matcher": {"id": "byName"}, "properties": [{"id": "max2"}]}]}},
        "the override of max2",
        id="property",
    ),
    pytest.param(
        {"fieldConfig": {"defaults": {"mappings": [{"type": "regex", "options": {}}]}, "overrides": []}},
        "value mappings of the kind regex",
        id="mapping",
    ),
    pytest.param({"targets": [instant(datasource={"type": "loki"})]}, "queries of loki", id="data source"),
    pytest.param({"targets": [instant(exemplar=True)]}, "the query's exemplar = True", id="setting of a query"),
]


@pytest.mark.parametrize(("settings", "note"), UNDRAWN)
def test_what_is_not_drawn_is_said_on_the_panel(settings: dict[str, Any], note: str) -> None:
    made = board(panel("stat", instant()) | settings)
    assert note in only(made, Told()).notes
    assert f"<li>Not drawn as in Grafana:</li><li>{note.replace(chr(39), '&#x27;')}" in page(made, Told())


def test_nothing_of_the_committed_dashboards_is_left_undrawn() -> None:
    for path in sorted((ROOT / "dashboards").glob("*.json")):
        found = drawn(read(path.read_bytes(), path.name), Told())
        notes = {(one.title, note) for section in found.sections for one in section.panels for note in one.notes}
        assert notes == set(), path.name


def test_annotations_that_only_grafana_knows_are_named() -> None:
    own = {"name": "Publishes", "enable": True, "datasource": {"type": "grafana"}, "target": {"type": "tags"}}
    built_in = {"name": "Annotations & Alerts", "builtIn": 1, "enable": True, "datasource": {"type": "grafana"}}
    (note,) = drawn(board(annotations={"list": [own, built_in]}), Told()).notes
    assert note == "the annotation Publishes is not drawn: it comes from Grafana, not from Prometheus"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "x.json is not JSON"),
        ("[]", "x.json is not a dashboard"),
        ('{"spec": {"elements": {}}}', "x.json is not a dashboard"),
        ('{"panels": [{"type": "stat", "gridPos": {"x": "left"}}]}', "x.json cannot be read as a dashboard"),
    ],
)
def test_a_file_that_is_no_dashboard_is_told(content: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(content.encode(), "x.json")


def test_a_dashboard_as_the_api_gives_it_is_read_too() -> None:
    assert read(b'{"dashboard": {"uid": "u", "title": "T", "panels": []}, "meta": {}}', "x").uid == "u"


MARKDOWN = [
    ("[in](/d/board/slug?var-x=1)", '<a href="#board">in</a>'),
    ("[in](https://grafana.example.com/d/board)", '<a href="#board">in</a>'),
    (
        "[out](https://x.example.com)",
        '<a href="https://x.example.com" rel="noreferrer noopener" target="_blank">out</a>',
    ),
    ("[gone](/d/other)", '<a title="/d/other (in Grafana)">gone</a>'),
    ("**bold** `code`", "<strong>bold</strong> <code>code</code>"),
    ("| a |\n|---|\n| &#124; |", "<td>|</td>"),
    ("<b>tag</b>", "&lt;b&gt;tag&lt;/b&gt;"),
    ("![picture](https://x.example.com/x.png)", "!<a href="),
    ("[js](javascript:alert(1))", "[js](javascript:alert(1))"),
]


@pytest.mark.parametrize(("content", "html"), MARKDOWN)
def test_markdown(content: str, html: str) -> None:
    made = panel("text", options={"mode": "markdown", "content": content})
    assert html in only(board(made), Told()).drawn.body


def test_html_panels_are_shown_as_they_are_written() -> None:
    made = panel("text", options={"mode": "html", "content": "<b>x</b>"})
    shown = only(board(made), Told())
    assert shown.drawn.body == '<pre class="prose">&lt;b&gt;x&lt;/b&gt;</pre>'
    assert "options.mode = html" in shown.notes
