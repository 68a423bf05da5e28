"""Server processes that live exactly as long as the block that started them, and listen on loopback only."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

LOOPBACK = "127.0.0.1"
PORTS = range(10_000, 32_768)
"""Below those that Linux and macOS give to outgoing connections, one of which could take a port between its
being found free and its server's start."""
POLL = 0.05
"""Seconds between two looks at something that is waited for."""
TAIL = 20
"""Lines of a log that an error quotes."""
QUOTE = 500
"""Characters of an answer that an error quotes."""


class ServerError(RuntimeError):
    """A server ended before it was ready, or something it promised did not come about in time."""


def free_ports(count: int) -> tuple[int, ...]:
    """Different ports that nobody listens on now; drawn at random, so that parallel test runs do not meet."""
    with ExitStack() as held:
        found: list[int] = []
        for port in random.sample(PORTS, len(PORTS)):
            candidate = held.enter_context(closing(socket.socket()))
            try:
                candidate.bind((LOOPBACK, port))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return tuple(found)
    raise ServerError(f"no {count} free ports between {PORTS.start} and {PORTS.stop - 1}")


def free_port() -> int:
    return free_ports(1)[0]


def local_session() -> requests.Session:
    """A session that takes nothing from the environment: no proxy, no `.netrc`, no foreign CA bundle."""
    session = requests.Session()
    session.trust_env = False
    return session


def answers(session: requests.Session, url: str) -> bool:
    """Whether a GET of `url` gives 200 now.

    `OSError` is wider than the errors of requests, on purpose: a CA file that is not written yet raises it.
    """
    try:
        return session.get(url, timeout=5).status_code == 200
    except OSError:
        return False


def accepted(response: requests.Response) -> requests.Response:
    """The response, if it is a success; else a ServerError that quotes the reason.

    The error of `raise_for_status` has the status only, and a server's reason is in the body.
    """
    if not response.ok:
        asked = f"{response.request.method} {response.url}"
        raise ServerError(f"{asked}: status {response.status_code}: {response.text[:QUOTE]}")
    return response


def wait_until(holds: Callable[[], bool], what: str, limit: float) -> None:
    """Return once `holds` does; raise ServerError, which names `what`, after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not holds():
        if time.monotonic() > deadline:
            raise ServerError(f"{what}: not within {limit:g} s")
        time.sleep(POLL)


@contextmanager
def running(
    argv: Sequence[str | Path],
    log: Path,
    ready: Callable[[], bool],
    *,
    env: Mapping[str, str] | None = None,
    limit: float = 60,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server, give it once `ready` holds, and end it with the block, however the block ends.

    The server sees `env` and little else (see `clean_environment`); its output goes to `log`.
    Raises ServerError, with the end of the log, when it exits early or is not ready after `limit` seconds.
    """
    with ExitStack() as stack:
        process = start(argv, log, clean_environment(env or {}))
        stack.callback(stop, process)
        stack.enter_context(guarded(process))
        await_ready(process, ready, Path(argv[0]).name, log, limit)
        yield process


def clean_environment(additions: Mapping[str, str]) -> dict[str, str]:
    """The few variables that programs need, and `additions`; a developer's own settings would change results.

    A `GF_...` variable configures Grafana, `KUBECONFIG` and files in the home folder configure istioctl.
    """
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
    return {**kept, "HOME": "/nonexistent", **additions}


def start(argv: Sequence[str | Path], log: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start without waiting, in a session of its own: Ctrl-C is for pytest, which ends servers in order."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        return subprocess.Popen(
            argv,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], patience: float = 10) -> None:
    """Ask the process to end, and after `patience` seconds make it; then end what it started and left behind.

    Its session's processes are one group, which has the process's id.
    """
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def guarded(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """While the block runs, the process's group ends also when this Python is killed and can run no `finally`.

    A shell reads from a pipe: a line tells it that all is well, the end of the pipe that this Python died.
    """
    guard = subprocess.Popen(
        ["sh", "-c", 'read -r _ || kill -s KILL -- "-$1"', "guard", str(process.pid)],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        yield
    finally:
        guard.communicate(b"released\n")


def await_ready(
    process: subprocess.Popen[bytes], ready: Callable[[], bool], name: str, log: Path, limit: float
) -> None:
    def ready_or_ended() -> bool:
        return process.poll() is not None or ready()

    try:
        wait_until(ready_or_ended, f"{name} ready", limit)
    except ServerError as error:
        raise ServerError(f"{error}; {tail(log)}") from None
    if process.poll() is not None:
        raise ServerError(f"{name} exited with status {process.returncode} before it was ready; {tail(log)}")


def tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join([f"the last lines of {log}:", *lines[-TAIL:]])
