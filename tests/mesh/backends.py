"""The applications of the mesh: servers on loopback that answer as the test says, and remember what was asked.

Nothing here waits by the clock: a request is answered at once, or held until the test releases it, so that what
a test says of a timeout or of a full breaker does not depend on how fast the machine is.
"""

from __future__ import annotations

import socket
import sys
import threading
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import grpc

from tests.servers.processes import LOOPBACK, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

MOST_CALLS = 64
"""gRPC calls that a backend serves at a time: more than any test holds."""
LOST = 60
"""Seconds after which a held request is answered although nobody released it."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the application saw it, behind its proxy."""

    method: str
    path: str
    headers: Mapping[str, str]
    """With names in lower case; of a name that came twice, the last."""

    @property
    def peer(self) -> str | None:
        """The identity that the caller proved by its certificate, as the proxy tells it: `spiffe://...`."""
        elements = self.headers.get("x-forwarded-client-cert", "").split(";")
        return next((element.removeprefix("URI=") for element in elements if element.startswith("URI=")), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a backend does with a request."""

    status: int | Callable[[Request], int] = 200
    """The HTTP status, perhaps after the application asked others for it. gRPC has `grpc_status` instead."""
    grpc_status: int = 0
    """Other than 0 it is sent without a message before it."""
    hold: bool = False
    """Answer when the test calls `release`, not before."""
    hang_up: bool = False
    """Close the connection, without an answer, once the request was read: it may have been processed. HTTP only."""


SUCCESS = Answer()


class Backend(ABC):
    """The answers and the memory; a server while the block runs, at `port`."""

    def __init__(self) -> None:
        self.port = 0
        self.answer = SUCCESS
        """To every path that `paths` does not name."""
        self.paths: dict[str, Answer] = {}
        self._seen: list[Request] = []
        self._changed = threading.Condition()
        self._releases = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.port = self._serve(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @abstractmethod
    def _serve(self, stack: ExitStack) -> int:
        """Start, give the port, and leave with `stack` how to end; ending must not wait for held requests."""

    @property
    def requests(self) -> tuple[Request, ...]:
        """All since the start or the last `reset`, in the order they arrived; held ones too."""
        with self._changed:
            return tuple(self._seen)

    def count(self, method: str | None = None, path: str | None = None) -> int:
        """How many requests of this method and path were seen; None is any."""
        return sum(method in (None, seen.method) and path in (None, seen.path) for seen in self.requests)

    def await_requests(self, count: int, limit: float = 30) -> None:
        """Return once `count` requests were seen; ServerError after `limit` seconds."""
        wait_until(lambda: self.count() >= count, f"{count} requests at port {self.port}", limit)

    def release(self) -> None:
        """Let all requests that are held now be answered."""
        with self._changed:
            self._releases += 1
            self._changed.notify_all()

    def reset(self) -> None:
        """As at the start: every answer a success, nothing seen, nothing held."""
        self.answer, self.paths = SUCCESS, {}
        self.release()
        with self._changed:
            self._seen.clear()

    def take(self, request: Request) -> Answer:
        """For the server: remember a request, wait if it is to be held, and say how to answer."""
        with self._changed:
            answer = self.paths.get(request.path, self.answer)
            self._seen.append(request)
            if answer.hold:
                releases = self._releases
                self._changed.wait_for(lambda: self._releases > releases, LOST)
        return answer


class HttpBackend(Backend):
    """HTTP/1.1 with kept connections: any method, any path, empty bodies."""

    def _serve(self, stack: ExitStack) -> int:
        server = stack.enter_context(_HttpServer(self))
        stack.callback(server.hang_up)
        stack.callback(self.release)
        loop = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        loop.start()
        stack.callback(loop.join)
        stack.callback(server.shutdown)
        return server.server_port


class _HttpServer(ThreadingHTTPServer):
    """Knows its open connections, since a thread that reads from a kept one would not end by itself."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._open: set[socket.socket] = set()
        super().__init__((LOOPBACK, 0), _HttpHandler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A proxy that breaks a connection off is none: it does so when it gives a request up."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _HttpHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HttpServer

    def __getattr__(self, name: str) -> Any:
        """`do_GET`, `do_POST` and so on: the same for all methods."""
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers)
        answer = self.server.backend.take(request)
        if answer.hang_up:
            self.close_connection = True
            return
        self.send_response(answer.status if isinstance(answer.status, int) else answer.status(request))
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing: what was asked is in `requests`."""


class GrpcBackend(Backend):
    """gRPC without TLS: every method of every service, unary, with empty messages."""

    def _serve(self, stack: ExitStack) -> int:
        pool = stack.enter_context(ThreadPoolExecutor(MOST_CALLS))
        server = grpc.server(pool, handlers=(_GrpcHandler(self),))
        port: int = server.add_insecure_port(f"{LOOPBACK}:0")
        server.start()
        stack.callback(lambda: server.stop(grace=None).wait())
        stack.callback(self.release)
        return port


class _GrpcHandler(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpcio has no types
    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        headers = {name.lower(): str(value) for name, value in details.invocation_metadata}

        def answered(_: bytes, context: grpc.ServicerContext) -> bytes:
            answer = self.backend.take(Request("POST", details.method, headers))
            if answer.grpc_status:
                context.abort(status_code(answer.grpc_status), "as the test said")
            return b""

        return grpc.unary_unary_rpc_method_handler(answered)


def status_code(number: int) -> grpc.StatusCode:
    """Grpcio's name of a status."""
    return next(code for code in grpc.StatusCode if code.value[0] == number)
