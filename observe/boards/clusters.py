"""Dashboards over several clusters: a choice at the top, and every query asks for the chosen ones only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from observe.boards.panel import Board, Heatmap, Key, Measured, Table, Variable
from observe.promql import Matcher, keeping, keeps, selected, sum_by

if TYPE_CHECKING:
    from observe.boards.panel import Panel, Query, Row
    from observe.promql import Expr


def among_clusters(board: Board, label: str, metric: str) -> Board:
    """The board with a choice of clusters, among those of a metric that all of them have."""
    chosen = Matcher(label, "=~", "$cluster")
    choice = Variable("cluster", "Cluster", metric, label)
    others = tuple(
        replace(variable, matchers=(*variable.matchers, chosen)) if isinstance(variable, Variable) else variable
        for variable in board.variables
    )
    return replace(board, variables=(choice, *others), rows=tuple(_row(row, chosen) for row in board.rows))


def _row(row: Row, chosen: Matcher) -> Row:
    return replace(row, panels=tuple(_panel(panel, chosen) for panel in row.panels))


def _panel(panel: Panel, chosen: Matcher) -> Panel:
    match panel:
        case Table():
            # Of two clusters in one row the values would be added up: shares above one.
            columns = tuple(
                replace(one, expr=keeping(selected(one.expr, chosen), chosen.label)) for one in panel.queries
            )
            return replace(panel, queries=columns, keys=(Key(chosen.label, "Cluster"), *panel.keys))
        case Heatmap():
            summed = (
                replace(query, expr=_summed(selected(query.expr, chosen), chosen.label)) for query in panel.queries
            )
            return replace(panel, queries=tuple(summed))
        case Measured():
            return replace(panel, queries=tuple(_query(query, chosen) for query in panel.queries))
    return panel


def _query(query: Query, chosen: Matcher) -> Query:
    """Of the chosen clusters; the legend says which, where there is a line for each."""
    named = f"{{{{{chosen.label}}}}}: {query.legend}" if keeps(query.expr, chosen.label) else query.legend
    return replace(query, expr=selected(query.expr, chosen), legend=named)


def _summed(buckets: Expr, label: str) -> Expr:
    """One histogram of all clusters: each bucket has one place on the axis."""
    return sum_by(("le",), buckets) if keeps(buckets, label) else buckets
