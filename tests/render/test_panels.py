"""Every feature of a panel, as Grafana reads it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import orjson
import pytest

from observe import naming, policy
from observe.boards.panel import Board, Limit, Line, Panel, Query, Row
from observe.model import Grafana
from observe.render import grafana
from observe.render.panels import COLOURS, UNITS
from observe.signals.signal import Unit
from tests.render.showcase import COMPARED, EVIDENCE, HEATMAP, NUMBER, OVERVIEW, SEARCH, SHOWCASE, STACKED, UP, WORD
from tests.samples import a_mesh


def rendered(board: Board, version: int = 12) -> dict[str, Any]:
    made: dict[str, Any] = orjson.loads(grafana.render(board, a_mesh(grafana=Grafana(version=version))).content)
    return made


def drawn(panel: Panel, version: int = 12) -> dict[str, Any]:
    (_, found) = rendered(replace(SHOWCASE, rows=(Row("row", "Row", (panel,)),)), version)["panels"]
    assert found["title"] == panel.title
    return dict(found)


def overrides(panel: Panel) -> dict[tuple[str, str], dict[str, Any]]:
    """The settings of single fields, by what finds the field."""
    return {
        (one["matcher"]["id"], one["matcher"]["options"]): {each["id"]: each["value"] for each in one["properties"]}
        for one in drawn(panel)["fieldConfig"]["overrides"]
    }


def link(found: Any) -> list[dict[str, str]]:
    return [{"title": found.title, "url": found.url}]


def test_a_line_to_compare_with_is_dashed_by_the_letter_of_its_query() -> None:
    """The name of a line may be a label's value, so it finds nothing."""
    assert [target["refId"] for target in drawn(COMPARED)["targets"]] == ["A", "B", "C"]
    assert overrides(COMPARED) == {
        ("byFrameRefID", "A"): {"color": {"fixedColor": "green", "mode": "fixed"}, "links": link(OVERVIEW)},
        ("byFrameRefID", "B"): {
            "custom.lineStyle": {"dash": [10, 10], "fill": "dash"},
            "custom.fillOpacity": 0,
            "color": {"fixedColor": "text", "mode": "fixed"},
        },
    }


def test_what_was_is_asked_for_with_an_offset() -> None:
    assert drawn(COMPARED)["targets"][1]["expr"] == 'up{job="web"} offset $baseline'


def test_a_line_like_the_others_needs_no_settings() -> None:
    assert overrides(replace(COMPARED, queries=(Query(UP, "one"), Line(UP, "another")))) == {}


def test_parts_are_stacked_and_what_they_are_compared_with_is_not() -> None:
    custom = drawn(STACKED)["fieldConfig"]["defaults"]["custom"]
    assert (custom["stacking"], custom["fillOpacity"]) == ({"group": "A", "mode": "normal"}, 40)
    assert overrides(STACKED)["byFrameRefID", "C"] == {
        "custom.lineStyle": {"dash": [10, 10], "fill": "dash"},
        "custom.fillOpacity": 0,
        "custom.stacking": {"group": "A", "mode": "none"},
    }
    alone = drawn(COMPARED)["fieldConfig"]["defaults"]["custom"]
    assert alone["stacking"] == {"group": "A", "mode": "none"}


def test_many_lines_are_not_filled_and_the_legend_begins_with_those_that_matter() -> None:
    """Twenty faint areas on top of each other are a brown block."""
    many = replace(COMPARED, queries=(Query(UP, "{{job}}"),))
    few = replace(COMPARED, queries=(Query(UP, "one"), Query(UP, "another")))
    fills = [drawn(panel)["fieldConfig"]["defaults"]["custom"]["fillOpacity"] for panel in (many, few)]
    assert fills == [0, 5]
    legends = [drawn(panel)["options"]["legend"] for panel in (many, replace(many, lowest_first=True), few)]
    assert [legend.get("sortDesc") for legend in legends] == [True, False, None]


def test_rows_of_a_table_are_joined_by_its_keys_alone() -> None:
    """Grafana makes a column of a metric's name, and would never join the rows of two records."""
    asked = [target["expr"] for target in drawn(EVIDENCE)["targets"]]
    assert all(expr.startswith(("sum by (", "count by (")) for expr in asked), asked


def test_axis_digits_legend_and_link_of_a_time_series() -> None:
    made = drawn(COMPARED)
    defaults = made["fieldConfig"]["defaults"]
    assert "min" not in defaults
    assert (defaults["max"], defaults["decimals"], defaults["links"]) == (1, 2, link(SEARCH))
    assert made["options"]["legend"]["placement"] == "right"
    usual = drawn(STACKED)
    assert usual["fieldConfig"]["defaults"]["min"] == 0
    assert not {"max", "decimals", "links"} & set(usual["fieldConfig"]["defaults"])
    assert usual["options"]["legend"]["placement"] == "bottom"


def test_a_heatmap_shows_buckets_as_they_are_counted() -> None:
    made = drawn(HEATMAP)
    (target,) = made["targets"]
    assert made["type"] == "heatmap"
    assert (target["format"], target["legendFormat"], target["range"]) == ("heatmap", "{{le}}", True)
    options = made["options"]
    assert options["calculate"] is False
    assert (options["yAxis"]["unit"], options["cellValues"]["unit"]) == ("ms", "count:/s")
    assert made["fieldConfig"]["defaults"]["noValue"] == "no traffic"


@pytest.mark.parametrize("version", [10, 11, 12, 13])
def test_a_heatmaps_tooltip_is_shown_in_each_version(version: int) -> None:
    tooltip = drawn(HEATMAP, version)["options"]["tooltip"]
    assert tooltip["mode"] == "single"
    assert tooltip.get("show") is (True if version == 10 else None)


def test_a_number_has_as_many_digits_as_asked_for() -> None:
    defaults = drawn(NUMBER)["fieldConfig"]["defaults"]
    assert (defaults["decimals"], defaults["links"], defaults["mappings"]) == (2, link(OVERVIEW), [])
    assert "decimals" not in drawn(WORD)["fieldConfig"]["defaults"]


WORDS = {
    "1": {"color": "green", "index": 0, "text": "yes"},
    "0": {"color": "red", "index": 1, "text": "no"},
    "0.5": {"color": "text", "index": 2, "text": "in part"},
}


def test_a_value_can_stand_for_a_word() -> None:
    defaults = drawn(WORD)["fieldConfig"]["defaults"]
    assert defaults["mappings"] == [{"options": WORDS, "type": "value"}]
    assert defaults["color"] == {"mode": "thresholds"}


def test_columns_have_digits_words_and_colours() -> None:
    columns = overrides(EVIDENCE)
    covered = columns["byName", "Covered"]
    assert (covered["unit"], covered["decimals"]) == ("percentunit", 2)
    assert covered["thresholds"]["steps"] == [{"color": "orange", "value": None}, {"color": "green", "value": 0.95}]
    strict = columns["byName", "Strict"]
    assert strict == {
        "unit": "short",
        "mappings": [{"options": WORDS, "type": "value"}],
        "custom.cellOptions": {"type": "color-text"},
    }
    assert columns["byName", "Memory"] == {"unit": "bytes"}


def test_a_value_that_must_not_fall_is_worse_the_lower_it_is() -> None:
    """As a certificate's time left: red below the lower limit, orange below the upper one, green above."""
    limits = (Limit(policy.CERTIFICATE, broken="below"), Limit(policy.CERTIFICATE_CRITICAL, "critical", "below"))
    steps = drawn(replace(NUMBER, limits=limits))["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [(step["color"], step["value"]) for step in steps] == [
        ("red", None), ("orange", policy.CERTIFICATE_CRITICAL.value), ("green", policy.CERTIFICATE.value),
    ]  # fmt: skip
    assert policy.CERTIFICATE_CRITICAL.value < policy.CERTIFICATE.value


def test_every_unit_and_every_tone_has_a_name_in_grafana() -> None:
    assert set(UNITS) == set(get_args(Unit))
    assert len(set(UNITS.values())) == len(UNITS)
    assert len(set(COLOURS.values())) == len(COLOURS)


def test_panels_of_a_collapsed_row_stand_inside_of_it() -> None:
    """Outside they would be shown, and ask, whatever their row says."""
    panels = rendered(SHOWCASE)["panels"]
    by_title = {panel["title"]: panel for panel in panels}
    closed, after = by_title["Closed"], by_title["Units"]
    assert (closed["type"], closed["collapsed"]) == ("row", True)
    assert [inner["title"] for inner in closed["panels"]] == ["Evidence", "Text"]
    assert after["gridPos"]["y"] == closed["gridPos"]["y"] + 1
    assert (after["collapsed"], after["panels"]) == (False, [])
    assert not {"Evidence", "Text"} & set(by_title)


def test_a_panel_inside_is_the_panel_that_it_is_outside() -> None:
    """But for the places: a collapsed row takes up less room."""
    opened = replace(SHOWCASE, rows=tuple(replace(row, collapsed=False) for row in SHOWCASE.rows))
    outside = {panel["id"]: panel for panel in rendered(opened)["panels"]}
    (closed,) = (panel for panel in rendered(SHOWCASE)["panels"] if panel["title"] == "Closed")
    assert closed["panels"] == [outside[naming.panel_id(key)] for key in ("evidence", "text")]


def test_variables() -> None:
    source, namespace, job, baseline = rendered(SHOWCASE)["templating"]["list"]
    assert source["type"] == "datasource"
    assert namespace["query"]["query"] == "label_values(up, namespace)"
    assert job["query"]["query"] == 'label_values(up{namespace=~"$namespace"}, job)'
    assert (baseline["type"], baseline["label"], baseline["query"]) == ("custom", "Compared with", "1d,1w,4w")
    assert baseline["current"] == {"text": "1d", "value": "1d"}
    assert [(option["value"], option["selected"]) for option in baseline["options"]] == [
        ("1d", True), ("1w", False), ("4w", False),
    ]  # fmt: skip
    assert (baseline["multi"], baseline["includeAll"]) == (False, False)


def test_alerts_are_marked_by_their_name() -> None:
    pages, tickets, _ = rendered(SHOWCASE)["annotations"]["list"]
    firing = 'ALERTS{alertstate="firing", severity="critical", namespace=~"$namespace"}'
    assert pages["expr"] == f"group by (alertname, severity) ({firing})"
    assert (pages["titleFormat"], pages["textFormat"], pages["tagKeys"]) == ("{{alertname}}", "", "severity")
    assert (pages["iconColor"], tickets["iconColor"]) == ("red", "orange")
    assert (pages["enable"], tickets["enable"], pages["hide"]) == (True, False, False)
    assert pages["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_grafana_finds_the_query_of_a_mark_wherever_it_looks_for_it() -> None:
    """Versions 10 and 11 in the annotation, newer ones in its target."""
    pages, *_ = rendered(SHOWCASE)["annotations"]["list"]
    assert pages["target"] == {"expr": pages["expr"], "interval": pages["step"], "refId": "Anno"}


def test_publishes_are_marked_by_the_tag_that_publishing_writes() -> None:
    *_, publishes = rendered(SHOWCASE)["annotations"]["list"]
    assert publishes["datasource"] == {"type": "grafana", "uid": "-- Grafana --"}
    assert publishes["target"] == {"limit": 100, "matchAny": False, "tags": ["observe-pack-acme"], "type": "tags"}


def test_links_at_the_top_take_time_and_choices_along() -> None:
    assert all(link["keepTime"] and link["includeVars"] for link in rendered(SHOWCASE)["links"])
