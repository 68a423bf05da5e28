"""A simulated mesh over HTTP: for Prometheus, for people, and for who lets incidents happen."""

from __future__ import annotations

import json
import socket
import sys
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from observe.errors import UsageError
from observe.model import parse_duration
from observe.replay.exposition import CONTENT_TYPE, exposition
from observe.replay.page import page
from observe.simulation import INCIDENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.replay.mesh import Mesh, State

JSON: Final = "application/json"
HTML: Final = "text/html; charset=utf-8"
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
PATIENCE: Final = 30.0
"""Seconds that a client may take to say what it wants."""
LONGEST_BODY: Final = 65_536
INCIDENT: Final = "/incident/"


class Refused(Exception):
    """What is asked for is not given; the message is the answer's."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


@contextmanager
def serving(mesh: Mesh, host: str, port: int) -> Iterator[Server]:
    """A server of the mesh that is bound, and closed with the block; port 0 takes any that is free.

    Raises UsageError when nobody can listen there.
    """
    try:
        server = Server(mesh, host, port)
    except OSError as error:
        raise UsageError(f"{host}:{port} cannot be listened on: {error.strerror}; name another --listen") from None
    with server:
        yield server


class Server(ThreadingHTTPServer):
    """Answers until `shutdown`, or until `serve_forever` is broken off."""

    daemon_threads = True

    def __init__(self, mesh: Mesh, host: str, port: int) -> None:
        self.mesh = mesh
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), partial(Handler, mesh))

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{f'[{host!s}]' if ':' in str(host) else host!s}:{port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "observe"
    sys_version = ""
    timeout = PATIENCE

    def __init__(self, mesh: Mesh, *arguments: Any) -> None:
        self.mesh = mesh
        super().__init__(*arguments)

    def do_GET(self) -> None:
        match urlsplit(self.path).path:
            case "/metrics":
                self._answer(CONTENT_TYPE, exposition(self.mesh.samples))
            case "/state":
                self._tell(self.mesh.state())
            case "/":
                self._answer(HTML, page(self.mesh).encode())
            case path:
                self._refuse(Refused(HTTPStatus.NOT_FOUND, f"there is no {path}; take /, /metrics or /state"))

    def do_POST(self) -> None:
        try:
            self._drain()
            self._check_origin()
            state = self._change()
        except Refused as refused:
            self._refuse(refused)
            return
        if "text/html" in self.headers.get("Accept", ""):
            self._answer(HTML, b"", HTTPStatus.SEE_OTHER, Location="/")
        else:
            self._tell(state)

    def _change(self) -> State:
        url = urlsplit(self.path)
        try:
            if url.path == "/recover":
                return self.mesh.recover()
            if url.path.startswith(INCIDENT):
                name = url.path.removeprefix(INCIDENT)
                if name not in INCIDENTS:
                    raise Refused(
                        HTTPStatus.NOT_FOUND, f"there is no incident {name}; take one of {', '.join(INCIDENTS)}"
                    )
                return self.mesh.happen(name, lasts=_minutes(url.query))
        except UsageError as error:
            raise Refused(HTTPStatus.CONFLICT, str(error)) from None
        raise Refused(HTTPStatus.NOT_FOUND, f"there is no {url.path}; take /recover or /incident/NAME")

    def _drain(self) -> None:
        """Read the body, which says nothing here: what stays unread would be taken for the next request."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or int(length) > LONGEST_BODY:
            self.close_connection = True
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "there is nothing to be said in a body")
        self.rfile.read(int(length))

    def _check_origin(self) -> None:
        """Refuse what a page of somebody else's may have made a browser send, since nobody has to log in here.

        Browsers say with every POST which site's page it comes from (Fetch standard, "append a request `Origin`
        header"), so another site's is told by that. A site whose name is made to lead here names itself as both; it
        has a name, however, while we are asked for by address or as localhost.
        """
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        if not _unnamed(host):
            raise Refused(HTTPStatus.FORBIDDEN, "incidents are asked for by address or as localhost, not by name")
        if origin is not None and origin != f"http://{host}":
            raise Refused(HTTPStatus.FORBIDDEN, f"incidents are not asked for by pages of {origin}")

    def _tell(self, state: State) -> None:
        self._answer(JSON, _json(_told(self.mesh, state)))

    def _refuse(self, refused: Refused) -> None:
        self._answer(JSON, _json({"error": str(refused)}), refused.status)

    def _answer(self, kind: str, content: bytes, status: HTTPStatus = HTTPStatus.OK, **headers: str) -> None:
        self.send_response(status)
        sent = {"Content-Type": kind, "Content-Length": str(len(content)), "Cache-Control": "no-store", **headers}
        for name, value in {**sent, "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Nothing: only the command line talks to people."""


def _unnamed(host: str) -> bool:
    """Whether a Host header has an address, or the one name that always means this machine."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name) is not None
    except ValueError:
        return False


def _minutes(query: str) -> float | None:
    """The parameter `for`."""
    given = parse_qs(query).get("for")
    try:
        return parse_duration(given[-1]) / 60_000 if given else None
    except ValueError as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"for {error}") from None


def _told(mesh: Mesh, state: State) -> dict[str, Any]:
    happening = state.happening
    return {
        "mesh": mesh.inventory.mesh.name,
        "services": len(mesh.inventory.services),
        "series": state.series,
        "speed": state.speed,
        "seconds": round(state.seconds, 3),
        "incident": None
        if happening is None
        else {
            "name": happening.incident.name,
            "title": happening.incident.title,
            "story": happening.incident.story,
            "began": happening.begin <= state.seconds,
            "begin": round(happening.begin, 3),
            "end": round(happening.end, 3),
            "expects": [{"alert": alert, "service": service} for alert, service in happening.incident.expects],
        },
    }


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2).encode() + b"\n"
