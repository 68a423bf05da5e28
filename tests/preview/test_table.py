"""Tables: merged and arranged as Grafana does."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from observe.preview.table import Frame, merged, organized
from tests.conftest import ROOT
from tests.preview.boards import Told, board, instant, now, only, override, panel

if TYPE_CHECKING:
    from observe.clients.prometheus import Series

MERGE = {"id": "merge", "options": {}}


def frame(ref: str, *rows: dict[str, Any]) -> Frame:
    return Frame(tuple(rows[0]), rows, {f"Value #{ref}": ref})


def test_rows_that_agree_in_what_all_tables_have_become_one() -> None:
    one = frame("A", {"Time": 1.0, "name": "x", "Value #A": 11.0}, {"Time": 1.0, "name": "y", "Value #A": 12.0})
    other = frame("B", {"Time": 1.0, "name": "y", "Value #B": 13.0}, {"Time": 1.0, "name": "z", "Value #B": 14.0})
    found = merged((one, other))
    assert found.columns == ("Time", "name", "Value #A", "Value #B")
    assert found.rows == (
        {"Time": 1.0, "name": "x", "Value #A": 11.0},
        {"Time": 1.0, "name": "y", "Value #A": 12.0, "Value #B": 13.0},
        {"Time": 1.0, "name": "z", "Value #B": 14.0},
    )
    assert found.refs == {"Value #A": "A", "Value #B": "B"}


def test_rows_that_differ_in_any_common_column_stay_apart() -> None:
    """As in Grafana, where the name of the metric is such a column: queries in tables have to drop it."""
    one = frame("A", {"__name__": "up", "job": "x", "Value #A": 11.0})
    other = frame("B", {"__name__": "down", "job": "x", "Value #B": 12.0})
    assert len(merged((one, other)).rows) == 2


def test_columns_are_left_out_put_in_order_and_renamed() -> None:
    found = organized(
        frame("A", {"Time": 1.0, "a": "x", "b": "y", "Value #A": 11.0}),
        {
            "excludeByName": {"Time": True, "b": False},
            "indexByName": {"Value #A": 0, "a": 1},
            "renameByName": {"Value #A": "Rate", "a": "Name"},
        },
    )
    assert found.columns == ("Rate", "Name", "b")
    assert found.rows == ({"Rate": 11.0, "Name": "x", "b": "y"},)
    assert found.refs == {"Rate": "A"}


def cells(html: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    return [[re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in rows]


def services() -> dict[str, Any]:
    """The table of services on the committed overview."""
    (path,) = (ROOT / "dashboards").glob("shop-mesh-overview-*.json")
    panels = json.loads(path.read_bytes())["panels"]
    found = next(one for one in panels if one["type"] == "table" and one["title"] == "Services")
    return {**found, "targets": [{**one, "expr": one["refId"]} for one in found["targets"]]}


def by_service(**values: float) -> list[Series]:
    return [
        now(value, destination_service_namespace="shop", destination_service_name=name)
        for name, value in values.items()
    ]


def test_the_overviews_table_of_services_reads_as_it_is_meant() -> None:
    told = Told({"A": by_service(cart=11.2, stock=0.5), "B": by_service(cart=0.01, stock=0.25)})
    table = services()
    first = [column["refId"] for column in table["targets"]][:2]
    assert first == ["A", "B"]
    shown = only(board(table), told)
    heads, *rows = cells(shown.drawn.body)
    assert heads[:4] == ["Namespace", "Service", "Request rate", "Error rate"]
    assert rows[0][:4] == ["shop", "stock", "0.500 req/s", "25%"]
    assert rows[1][:4] == ["shop", "cart", "11.2 req/s", "1%"]
    assert set(rows[0][4:]) <= {"no traffic"}
    assert shown.notes == ()


STEPS = {"mode": "absolute", "steps": [{"color": "green", "value": None}, {"color": "red", "value": 10}]}


@pytest.mark.parametrize(
    ("kind", "style"),
    [("color-text", "color:#F2495C"), ("color-background", "background:#F2495C;color:#181b1f"), ("auto", None)],
)
def test_a_cell_has_the_colour_of_its_threshold(kind: str, style: str | None) -> None:
    made = panel(
        "table",
        instant(format="table"),
        overrides=[override("byName", "Value", {"thresholds": STEPS, "custom.cellOptions": {"type": kind}})],
    )
    body = only(board(made), Told({"up": [now(11, a="x"), now(9, a="y")]})).drawn.body
    assert (f'style="{style}">11</td>' in body) is (style is not None)
    assert ("#73BF69" in body) is (style is not None)


def test_words_stand_for_values_in_their_colour() -> None:
    mappings = [{"type": "value", "options": {"1": {"text": "yes", "color": "green", "index": 0}}}]
    made = panel(
        "table",
        instant(format="table"),
        overrides=[override("byName", "Value", {"mappings": mappings, "custom.cellOptions": {"type": "color-text"}})],
    )
    body = only(board(made), Told({"up": [now(1, a="x")]})).drawn.body
    assert '<td class="number" style="color:#73BF69">yes</td>' in body


def test_rows_are_sorted_and_those_without_a_value_come_last() -> None:
    made = panel("table", instant(format="table"), options={"sortBy": [{"displayName": "Value", "desc": True}]})
    told = Told({"up": [now(float("nan"), a="n"), now(9, a="x"), now(11, a="y"), now(10, a="z")]})
    assert [row[1] for row in cells(only(board(made), told).drawn.body)[1:]] == ["y", "z", "x", "n"]


def test_a_link_works_where_it_leads_to_a_dashboard_of_the_page() -> None:
    links = [{"title": "Open", "url": "/d/${__data.fields.a}?x=1"}]
    made = panel(
        "table",
        instant(format="table"),
        overrides=[override("byName", "a", {"links": links})],
    )
    body = only(board(made), Told({"up": [now(1, a="board"), now(2, a="elsewhere")]})).drawn.body
    assert '<a href="#board">board</a>' in body
    assert '<span class="link" title="Open (in Grafana)">elsewhere</span>' in body


def test_tables_that_nothing_merges_are_told() -> None:
    made = panel("table", instant("a", format="table"), instant("b", format="table", refId="B"))
    shown = only(board(made), Told({"a": [now(1)], "b": [now(2)]}))
    assert shown.notes == ("the other 1 tables, which Grafana lets one choose",)
    assert only(board(made | {"transformations": [MERGE]}), Told({"a": [now(1)], "b": [now(2)]})).notes == ()
