"""`observe simulate` in a process of its own, as a user starts it."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from observe.cli.simulate import command; command()"
)
"""The program as a terminal starts it: what runs in a shell's background would ignore Ctrl-C."""
PATIENCE = 60
"""Seconds after which something hangs."""


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The running program, and the first line that it says."""
    argv = [sys.executable, "-W", "error", "-c", PROGRAM, *arguments, "--listen", "127.0.0.1:0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            yield process, process.stderr.readline()
        finally:
            process.kill()
