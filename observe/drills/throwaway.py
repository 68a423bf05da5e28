"""A Prometheus of one's own for a moment: on loopback, with nothing to scrape, and with no trace afterwards."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from observe.errors import TargetError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PROGRAM: Final = "prometheus"
STARTING: Final = 60.0
"""Seconds within which it must be ready; an empty one takes one."""
ENDING: Final = 10.0
"""Seconds that it has to end by itself."""
POLL: Final = 0.05
BLOCK: Final = "31d"
"""The youngest samples stay in memory for one and a half times as long, and samples may be written that are half as
much older than the youngest (prometheus `Head.appendableMinValidTime`): nothing is compacted meanwhile."""
RETENTION: Final = "100y"
"""Samples have the times that they are given; those of last year would be deleted otherwise."""
ALLOWED_SAMPLES: Final = 200_000_000
"""Of one query: four times the default, since a large fleet's records read many series at once."""
LAST_LINES: Final = 8

_ADDRESS: Final = re.compile(r'msg="Listening on".* address=(127\.0\.0\.1:\d+)')
_READY: Final = "Server is ready to receive web requests."
_GUARD: Final = 'read -r _ || kill -s KILL "$1"'
"""A shell that reads from a pipe: a line says that all is well, the pipe's end that who held it is dead."""


@contextmanager
def throwaway_prometheus(program: str | Path = PROGRAM, *, features: Sequence[str] = ()) -> Iterator[str]:
    """Start Prometheus, give its address, and end it with the block; it takes samples by remote write.

    `program` is a path or a name on the PATH; `features` goes to `--enable-feature`. Raises UsageError when there is
    no such program, and TargetError when it does not start.
    """
    with ExitStack() as stack:
        found = _found(program)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="observe-prometheus-")))
        log = folder / "prometheus.log"
        process = _start(found, folder, log, features)
        stack.callback(_end, process)
        stack.enter_context(_guarded(process))
        yield f"http://{_address(process, log)}"


def _found(program: str | Path) -> str:
    found = shutil.which(program)
    if found is None:
        raise UsageError(
            f"there is no program {str(program)!r}: install Prometheus (https://prometheus.io/download), put it on the"
            " PATH, or say where it is"
        )
    return found


def _start(program: str, folder: Path, log: Path, features: Sequence[str]) -> subprocess.Popen[bytes]:
    """In a session of its own: on Ctrl-C it is ended here, in order."""
    config = folder / "prometheus.yml"
    config.write_text("{}\n", encoding="utf-8")
    argv = [
        program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
        f"--storage.tsdb.retention.time={RETENTION}", f"--storage.tsdb.min-block-duration={BLOCK}",
        f"--storage.tsdb.max-block-duration={BLOCK}", f"--query.max-samples={ALLOWED_SAMPLES}",
        "--web.listen-address=127.0.0.1:0", "--web.enable-remote-write-receiver",
        *([f"--enable-feature={','.join(features)}"] if features else []),
    ]  # fmt: skip
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - the program that the user named
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where it listens, once it is ready; it took a free port by itself and tells it in its log."""
    deadline = time.monotonic() + STARTING
    while time.monotonic() < deadline:
        said = log.read_text(encoding="utf-8", errors="replace")
        address = _ADDRESS.search(said)
        if address and _READY in said:
            return address[1]
        if process.poll() is not None:
            raise TargetError(f"Prometheus ended with status {process.returncode} before it was ready: {_tail(said)}")
        time.sleep(POLL)
    raise TargetError(f"Prometheus was not ready within {STARTING:g} s: {_tail(said)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(ENDING)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _guarded(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """While the block runs, the process ends also when this Python is killed and can do nothing any more."""
    guard = subprocess.Popen(  # noqa: S603 - our own words, and a number
        ["/bin/sh", "-c", _GUARD, "guard", str(process.pid)],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        yield
    finally:
        with suppress(OSError):
            guard.communicate(b"released\n")


def _tail(said: str) -> str:
    return " | ".join(said.splitlines()[-LAST_LINES:]) or "it said nothing"
