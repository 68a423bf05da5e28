"""`observe explain`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from observe.cli.options import format_option, inventory_option
from observe.provenance import DECLARED

if TYPE_CHECKING:
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
    from observe.cli.output import print_json

    inventory = load(source)
    if path is None:
        files = explain.explainable(inventory)
        print_json(files) if format_ == "json" else click.echo("\n".join(files))
        return
    found = explain.explain(inventory, path)
    if format_ == "json":
        print_json([as_data(one) for one in found])
    else:
        click.echo("\n\n".join(_text(one) for one in found))


def _text(one: Explanation) -> str:
    """The file's path, and a line for each value: what it is, and after `#` why, and where that is written."""
    return "\n".join((click.style(one.path, bold=True), *map(_line, one.reasons)))


def _line(reason: Reason) -> str:
    value = json.dumps(reason.value, ensure_ascii=False)
    return f"  {reason.field}: {value}  {click.style(f'# {_because(reason)}', dim=True)}"


def _because(reason: Reason) -> str:
    """Why, and where that is written. A default that nobody wrote was not declared."""
    if reason.position:
        return f"{reason.why}, {reason.position}"
    if reason.key:
        default = f"default of {reason.key}"
        return default if reason.why == DECLARED else f"{reason.why}, {default}"
    return reason.why


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
