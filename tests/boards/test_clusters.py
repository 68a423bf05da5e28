"""Dashboards where one Prometheus holds several clusters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from observe.boards.panel import Heatmap, Measured, Stat, Table, TimeSeries, Variable
from observe.model import Prometheus
from observe.promql import Aggregation, Binary, Function, Selector, keeps
from observe.signals import catalogue
from tests.boards.samples import a_small_mesh, all_boards

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.boards import Board
    from observe.promql import Expr

ALONE = all_boards(a_small_mesh())
AMONG = all_boards(a_small_mesh(prometheus=Prometheus(cluster_label="region")))
PAIRS = [pytest.param(one, other, id=one.title) for one, other in zip(ALONE, AMONG, strict=True)]
CHOSEN = 'region=~"$cluster"'


def selectors(expression: Expr) -> Iterator[Selector]:
    """All that it reads."""
    match expression:
        case Selector():
            yield expression
        case Aggregation():
            yield from selectors(expression.operand)
        case Binary(_, left, right):
            yield from (*selectors(left), *selectors(right))
        case Function(_, arguments):
            for argument in arguments:
                yield from selectors(argument)


@pytest.mark.parametrize(("alone", "among"), PAIRS)
def test_the_cluster_is_chosen_first_and_narrows_every_other_choice(alone: Board, among: Board) -> None:
    record = catalogue(a_small_mesh()).presence.mesh.record
    first, *others = among.variables
    assert first == Variable("cluster", "Cluster", record, "region")
    assert [one.name for one in others] == [one.name for one in alone.variables]
    for one in others:
        if isinstance(one, Variable):
            assert CHOSEN in list(map(str, one.matchers))


@pytest.mark.parametrize(("alone", "among"), PAIRS)
def test_every_query_asks_for_the_chosen_clusters_only(alone: Board, among: Board) -> None:
    """Every series of it, that is: a ratio of all requests and one cluster's failures would be no error rate."""
    assert [panel.key for panel in among.panels] == [panel.key for panel in alone.panels]
    for panel in among.panels:
        for query in panel.queries if isinstance(panel, Measured) else ():
            found = list(selectors(query.expr))
            assert found
            assert all(CHOSEN in map(str, one.matchers) for one in found), query.expr


@pytest.mark.parametrize(("alone", "among"), PAIRS)
def test_clusters_are_told_apart_where_each_has_a_value_of_its_own(alone: Board, among: Board) -> None:
    for one, other in zip(alone.panels, among.panels, strict=True):
        match one, other:
            case Table(), Table():
                assert [key.heading for key in other.keys] == ["Cluster", *(key.heading for key in one.keys)]
                assert [column.legend for column in other.queries] == [column.legend for column in one.queries]
                assert all(keeps(column.expr, "region") for column in other.queries)
            case Heatmap(), Heatmap():
                assert [query.legend for query in other.queries] == ["{{le}}"]
                assert not any(keeps(query.expr, "region") for query in other.queries)
            case TimeSeries() | Stat(), TimeSeries() | Stat():
                for before, after in zip(one.queries, other.queries, strict=True):
                    prefix = "{{region}}: " if keeps(after.expr, "region") else ""
                    assert after.legend == prefix + before.legend


def test_there_is_something_of_every_kind() -> None:
    kinds = {type(panel) for board in AMONG for panel in board.panels}
    assert {Table, Heatmap, TimeSeries, Stat} <= kinds


@pytest.mark.parametrize(("alone", "among"), PAIRS)
def test_nothing_else_is_changed(alone: Board, among: Board) -> None:
    """Ids, links, marks and limits: what alerts and people point at stays where it is."""
    assert replace(among, variables=alone.variables, rows=alone.rows) == alone
    for one, other in zip(alone.panels, among.panels, strict=True):
        kept = (one.title, one.width, one.height, getattr(one, "limits", ()))
        assert kept == (other.title, other.width, other.height, getattr(other, "limits", ()))


@pytest.mark.parametrize("board", [pytest.param(board, id=board.title) for board in ALONE])
def test_without_several_clusters_there_is_no_choice(board: Board) -> None:
    assert "cluster" not in {variable.name for variable in board.variables}
    assert "$cluster" not in str(board)
