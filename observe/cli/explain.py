"""`observe explain`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from observe.cli.options import format_option, inventory_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.cli.output import Cell
    from observe.explain import Explanation, Reason


@click.command("explain")
@click.argument("path", required=False)
@inventory_option
@format_option
def command(path: str | None, source: str, format_: str) -> None:
    """Say where each value of a generated file comes from: which line of the inventory, or which rule.

    PATH is a file or folder of the pack, such as istio/orders/order-service. Without it the files are listed.
    """
    from observe import explain  # late: see program.COMMANDS
    from observe.cli.loading import load
    from observe.cli.output import print_json, print_table

    inventory = load(source)
    if path is None:
        files = explain.explainable(inventory)
        print_json(files) if format_ == "json" else click.echo("\n".join(files))
        return
    found = explain.explain(inventory, path)
    if format_ == "json":
        print_json([as_data(one) for one in found])
    else:
        print_table(("file", "value", "is", "because", "where"), _rows(found), sys.stdout)


def _rows(found: tuple[Explanation, ...]) -> Iterator[tuple[Cell, ...]]:
    for one in found:
        name = one.path.rpartition("/")[2]
        for reason in one.reasons:
            yield name, reason.field, json.dumps(reason.value, ensure_ascii=False), reason.why, _where(reason)


def _where(reason: Reason) -> str:
    if reason.position:
        return str(reason.position)
    return f"default of {reason.key}" if reason.key else "-"


def as_data(one: Explanation) -> dict[str, Any]:
    """An explanation for a program."""
    return {"path": one.path, "values": [_as_data(reason) for reason in one.reasons]}


def _as_data(reason: Reason) -> dict[str, Any]:
    position = reason.position
    return {
        "field": reason.field,
        "value": reason.value,
        "why": reason.why,
        "key": reason.key or None,
        "file": position.file if position else None,
        "line": position.line if position else None,
        "column": position.column if position else None,
    }
