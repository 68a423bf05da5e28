"""Results on standard output: JSON for programs; tables for people, which elsewhere than on a terminal are plain
aligned lines that can be cut and searched.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.text import Text

Cell: TypeAlias = str | tuple[str, str]
"""A text, or a text with its style."""

MOST_DRAWN = 200
"""Rows for which a drawn table is worth its time; more of them nobody reads in a terminal."""


def print_json(data: Any) -> None:
    """Indented JSON."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Cell]], stream: TextIO) -> None:
    """One line per row where no person looks; on a terminal the last column wraps, and the first ones do not."""
    body = list(rows)
    if stream.isatty() and len(body) <= MOST_DRAWN:
        _draw(columns, body, stream)
        return
    lines = [list(columns), *([cell if isinstance(cell, str) else cell[0] for cell in row] for row in body)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        stream.write("  ".join(padded).rstrip() + "\n")


def _draw(columns: Sequence[str], rows: Iterable[Sequence[Cell]], stream: TextIO) -> None:
    from rich import box  # late: most runs have nothing to show
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.ROUNDED, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number < len(columns) - 2, overflow="fold")
    for row in rows:
        table.add_row(*map(_text, row))
    Console(file=stream, highlight=False).print(table)


def _text(cell: Cell) -> Text:
    """Never a plain string: brackets in it would be taken for markup."""
    from rich.text import Text as RichText

    return RichText(cell) if isinstance(cell, str) else RichText(*cell)
