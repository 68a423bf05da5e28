"""Tables: with borders and colours on a terminal, elsewhere aligned plain lines that can be cut and searched."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, TextIO, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.text import Text

Cell: TypeAlias = str | tuple[str, str]
"""A text, or a text with its style."""

UNWRAPPED = 100_000


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Cell]], stream: TextIO) -> None:
    """One row per line where no person looks; on a terminal the last column wraps, and the first ones do not."""
    from rich import box  # late: most runs have nothing to show
    from rich.console import Console
    from rich.table import Table

    tty = stream.isatty()
    table = Table(box=box.ROUNDED if tty else None, show_edge=tty, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number < len(columns) - 2, overflow="fold")
    for row in rows:
        table.add_row(*map(_text, row))
    if tty:
        Console(file=stream, highlight=False).print(table)
        return
    plain = io.StringIO()
    Console(file=plain, width=UNWRAPPED, highlight=False, color_system=None).print(table)
    stream.writelines(f"{line.rstrip()}\n" for line in plain.getvalue().splitlines())


def _text(cell: Cell) -> Text:
    """Never a plain string: brackets in it would be taken for markup."""
    from rich.text import Text as RichText

    return RichText(cell) if isinstance(cell, str) else RichText(*cell)
