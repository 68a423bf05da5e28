"""Dashboards against Grafana's own schemas: of version 10 by the real server, of version 13 by the types made from it.

Schemas leave open what a panel's options hold in version 10, and nothing in version 13.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from grafana_foundation_sdk.cog import encoder, plugins
from hypothesis import given, settings
from hypothesis import strategies as st

from observe.boards.panel import (
    AlertMarks,
    Board,
    Choice,
    Column,
    DataLink,
    Heatmap,
    Key,
    Limit,
    Line,
    Link,
    Panel,
    PublishMarks,
    Query,
    Row,
    Stat,
    State,
    Table,
    Text,
    TimeSeries,
    Variable,
)
from observe.model import Grafana
from observe.policy import Threshold
from observe.render import grafana
from observe.render.panels import COLOURS, UNITS
from tests.boards.samples import a_small_mesh, all_boards
from tests.render.showcase import SHOWCASE, UP
from tests.samples import a_mesh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.grafana_server import GrafanaServer

with warnings.catch_warnings():
    # It advises those who write dashboards in its terms to use those of version 13, which 10 to 12 cannot read.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.models.dashboard import Dashboard

VERSIONS = (10, 11, 12, 13)
every_version = pytest.mark.parametrize("version", VERSIONS)
every_board = pytest.mark.parametrize(
    "board", [pytest.param(board, id=board.title) for board in (SHOWCASE, *all_boards(a_small_mesh()))]
)
HALF: Final = 0.5


def rendered(board: Board, version: int) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(grafana.render(board, a_mesh(grafana=Grafana(version=version))).content)
    return made


# Version 10: the schema in the server.


def judged(server: GrafanaServer, dashboard: dict[str, Any]) -> str:
    """What Grafana 10 says of a dashboard: empty when it is valid."""
    answer = server.request("POST", "/api/dashboards/validate", json={"dashboard": json.dumps(readable(dashboard))})
    verdict = answer.json()
    return "" if verdict["isValid"] else str(verdict["message"])


def readable(value: Any) -> Any:
    """Without what this schema cannot read: the null below all thresholds, which it knows of (`dashboard_kind.cue`,
    `#Threshold`), and numbers that a float of 32 bits does not hold.
    """
    if isinstance(value, dict):
        return {key: readable(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [readable(inner) for inner in value]
    return HALF if isinstance(value, float) else value


@every_version
@every_board
def test_grafana_10_finds_dashboards_valid(board: Board, version: int, grafana_server: GrafanaServer) -> None:
    assert judged(grafana_server, rendered(board, version)) == ""


@pytest.mark.parametrize(
    ("place", "value"),
    [
        pytest.param(("panels", 1, "span"), 6, id="an unknown key of a panel"),
        pytest.param(("panels", 1, "fieldConfig", "defaults", "decimals"), "two", id="a text for a number"),
        pytest.param(("panels", 6, "panels", 0, "description"), 1, id="a number for a text, in a collapsed row"),
        pytest.param(("annotations", "list", 0, "enable"), "yes", id="a text for yes or no"),
        pytest.param(("links", 0, "type"), "url", id="a kind of link that there is not"),
    ],
)
def test_grafana_10_sees_a_mistake(place: tuple[Any, ...], value: Any, grafana_server: GrafanaServer) -> None:
    """A schema that lets everything through would prove nothing."""
    broken = rendered(SHOWCASE, 10)
    put(broken, place, value)
    assert judged(grafana_server, broken)


def put(made: Any, place: tuple[Any, ...], value: Any) -> None:
    for step in place[:-1]:
        made = made[step]
    made[place[-1]] = value


def stored(server: GrafanaServer, dashboard: dict[str, Any]) -> dict[str, Any]:
    """A dashboard as Grafana gives it back, without what it counts itself."""
    server.request("POST", "/api/dashboards/db", json={"dashboard": dashboard, "overwrite": True}).raise_for_status()
    live = server.request("GET", f"/api/dashboards/uid/{dashboard['uid']}").json()["dashboard"]
    return {key: value for key, value in live.items() if key not in ("id", "version")}


@every_version
def test_grafana_10_keeps_a_dashboard_as_it_is(version: int, grafana: GrafanaServer) -> None:
    made = rendered(SHOWCASE, version)
    assert stored(grafana, made) == made


# Version 13: types that Grafana Labs make of its schemas. They read what they know and write it again.

plugins.register_default_plugins()


def lost(dashboard: dict[str, Any]) -> list[str]:
    """What version 13 does not know, or understands otherwise."""
    known = json.loads(encoder.JSONEncoder().encode(Dashboard.from_json(dashboard)))
    return sorted(set(differences(dashboard, known, "")))


def differences(given: Any, known: Any, place: str) -> Iterator[str]:
    """Where `known` lacks something that is given. It may say more: the defaults."""
    if isinstance(given, dict) and isinstance(known, dict):
        for key, value in given.items():
            inner = f"{place}.{key}"
            yield from differences(value, known[key], inner) if key in known else [inner]
    elif isinstance(given, list) and isinstance(known, list) and len(given) == len(known):
        for one, other in zip(given, known, strict=True):
            yield from differences(one, other, f"{place}[]")
    elif given != known:
        yield place


@pytest.mark.parametrize("version", [11, 12, 13])
@every_board
def test_grafana_13_knows_everything_that_is_said(board: Board, version: int) -> None:
    assert lost(rendered(board, version)) == []


TRANSLATED: Final = {f".panels[]{inside}.options.tooltip.show" for inside in ("", ".panels[]")}
"""What only version 10 says of heatmaps, in open rows and in collapsed ones: it becomes `mode`, which is there already
(grafana `heatmap/migrations.ts`).
"""


@every_board
def test_grafana_13_translates_what_only_grafana_10_says(board: Board) -> None:
    assert set(lost(rendered(board, 10))) <= TRANSLATED


@pytest.mark.parametrize(
    ("place", "seen"),
    [
        pytest.param(("panels", 1, "span"), ".panels[].span", id="of panels"),
        pytest.param(
            ("panels", 3, "options", "dataFormat"), ".panels[].options.dataFormat", id="of a heatmap's options"
        ),
        pytest.param(("panels", 1, "targets", 0, "step"), ".panels[].targets[].step", id="of queries"),
        pytest.param(("annotations", "list", 0, "query"), ".annotations.list[].query", id="of annotations"),
        pytest.param(("templating", "list", 3, "useTags"), ".templating.list[].useTags", id="of variables"),
    ],
)
def test_grafana_13_misses_what_is_not_in_its_schema(place: tuple[Any, ...], seen: str) -> None:
    strange = rendered(SHOWCASE, 13)
    put(strange, place, 1)
    assert lost(strange) == [seen]


# Any board.

QUERY = st.builds(Query, st.just(UP), st.sampled_from(["one", "{{job}}"]))
LINK = st.none() | st.just(DataLink("Look", "/d/any?${__url_time_range}"))
UNIT = st.sampled_from(sorted(UNITS))
TONE = st.sampled_from(sorted(COLOURS))
DIGITS = st.none() | st.integers(0, 4)
VALUE = st.sampled_from([0.0, 0.25, 0.5, 1.0, 750.0])
LIMIT = st.builds(
    Limit,
    st.builds(Threshold, VALUE, st.just("the policy")),
    st.sampled_from(["warning", "critical"]),
    st.sampled_from(["above", "below"]),
)
LIMITS = st.lists(LIMIT, max_size=2, unique_by=lambda limit: limit.threshold.value).map(tuple)
STATES = st.lists(st.builds(State, VALUE, st.just("word"), TONE), max_size=3, unique_by=lambda one: one.value).map(
    tuple
)
LINE = st.builds(Line, st.just(UP), st.just("line"), dashed=st.booleans(), tone=st.none() | TONE, link=LINK)
SAID = {"title": st.just("Title"), "description": st.just("Any."), "no_value": st.just("none"), "key": st.just("")}
KEYS = st.sampled_from([(Key("job", "Job"),), (Key("job", "Job", "/d/any"), Key("pod", "Pod"))])


def queries(of: st.SearchStrategy[Any], most: int = 4) -> st.SearchStrategy[Any]:
    return st.lists(of, min_size=1, max_size=most).map(tuple)


def named_apart(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    return tuple(replace(column, legend=f"Column {number}") for number, column in enumerate(columns))


COLUMN = st.builds(Column, st.just(UP), st.just(""), UNIT, LIMITS, STATES, DIGITS)
PANEL = st.one_of(
    st.builds(
        TimeSeries,
        **SAID,
        queries=queries(QUERY | LINE),
        unit=UNIT,
        limits=LIMITS,
        minimum=st.none() | st.just(0),
        maximum=st.none() | VALUE,
        stacked=st.booleans(),
        decimals=DIGITS,
        legend=st.sampled_from(["bottom", "right"]),
        link=LINK,
    ),
    st.builds(Heatmap, **SAID, queries=queries(QUERY, 1), unit=UNIT, cells=UNIT),
    st.builds(
        Stat, **SAID, queries=queries(QUERY), unit=UNIT, limits=LIMITS, states=STATES, decimals=DIGITS, link=LINK
    ),
    st.builds(
        Table,
        **SAID,
        queries=queries(COLUMN).map(named_apart),
        keys=KEYS,
        sort=st.just("Job"),
        descending=st.booleans(),
    ),
    st.builds(Text, key=st.just(""), title=st.just("Text"), content=st.just("*any*")),
)
ROW = st.builds(Row, st.just(""), st.just("Row"), st.lists(PANEL, max_size=4).map(tuple), st.booleans())
MARKS = st.builds(AlertMarks, title=st.just("Alerts"), shown=st.booleans()) | st.builds(
    PublishMarks, title=st.just("Publishes"), tag=st.just("any"), shown=st.booleans()
)
VARIABLE: st.SearchStrategy[Variable | Choice] = st.sampled_from(
    [Variable("job", "Job", "up", "job"), Choice("baseline", "Baseline", ("1d", "1w"))]
)


@st.composite
def boards(draw: st.DrawFn) -> Board:
    """Boards of every shape; the keys are made afterwards, since they must differ."""
    rows = []
    for number, row in enumerate(draw(st.lists(ROW, max_size=3))):
        panels = tuple(replace(panel, key=f"panel-{number}-{place}") for place, panel in enumerate(row.panels))
        rows.append(replace(row, key=f"row-{number}", panels=panels))
    return replace(
        SHOWCASE,
        uid="acme-any",
        title="acme: any",
        rows=tuple(rows),
        marks=tuple(draw(st.lists(MARKS, max_size=3))),
        variables=tuple(draw(st.lists(VARIABLE, max_size=2, unique=True))),
        links=draw(st.sampled_from([(), (Link("All", tag="any"),)])),
    )


@given(boards(), st.sampled_from(VERSIONS))
def test_any_board_is_known_to_grafana_13(board: Board, version: int) -> None:
    assert set(lost(rendered(board, version))) <= (TRANSLATED if version == 10 else set())


@settings(max_examples=25)
@given(boards(), st.sampled_from(VERSIONS))
def test_any_board_is_valid_in_grafana_10_and_kept(grafana_server: GrafanaServer, board: Board, version: int) -> None:
    made = rendered(board, version)
    assert judged(grafana_server, made) == ""
    assert stored(grafana_server, made) == made


@pytest.mark.parametrize("kind", [TimeSeries, Heatmap, Stat, Table, Text])
def test_the_showcase_shows_every_feature(kind: type) -> None:
    """Each field that a kind adds has something else than its default in some panel of the showcase."""
    shown = [panel for panel in SHOWCASE.panels if isinstance(panel, kind)]
    usual = {field.name for field in fields(Panel)}
    for field in fields(kind):
        assert field.name in usual or any(getattr(panel, field.name) != field.default for panel in shown), field.name
