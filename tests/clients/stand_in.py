"""A stand-in for a web server: it answers on loopback as a test tells it to, and counts what it was asked.

For what a real server cannot be made to do at will: to fail twice and recover, to ask for patience, to die.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

from observe.clients.backoff import Pace

if TYPE_CHECKING:
    from collections.abc import Iterator

HASTE = Pace(attempts=5, connects=2, first=0.001, longest=0.01)
"""The real pace with pauses that no test waits for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that arrived."""

    method: str
    path: str
    params: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: `body` is sent as JSON, or as it is when it is text."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


Answerer: TypeAlias = Callable[[Asked], Reply | None]
"""Gives the answer to a request; None breaks the connection without one."""


@dataclass
class StandIn:
    """The running server."""

    url: str
    answer: Answerer
    asked: list[Asked] = field(default_factory=list)

    def count(self, method: str, path: str = "") -> int:
        return sum(one.method == method and one.path.startswith(path) for one in self.asked)


@contextmanager
def stand_in(answer: Answerer) -> Iterator[StandIn]:
    """A server that answers with `answer` while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    running = StandIn(f"http://127.0.0.1:{server.server_port}", answer)
    server.stand_in = running  # type: ignore[attr-defined]  # the handler finds it there
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do(self) -> None:
        running: StandIn = self.server.stand_in  # type: ignore[attr-defined]  # put there by stand_in()
        length = int(self.headers.get("Content-Length") or 0)
        parts = urlsplit(self.path)
        raw = self.rfile.read(length)
        body = json.loads(raw) if raw[:1] in (b"{", b"[") else raw.decode()
        asked = Asked(self.command, parts.path, parse_qs(parts.query), dict(self.headers), body)
        running.asked.append(asked)
        reply = running.answer(asked)
        self.close_connection = True
        if reply is not None:
            self._send(reply)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do  # noqa: N815 - the names that http.server calls

    def _send(self, reply: Reply) -> None:
        body = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(body.encode())), **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Stay quiet."""
