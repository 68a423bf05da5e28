"""What is answered over HTTP, and to whom."""

from __future__ import annotations

import json
import re
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from observe.errors import UsageError
from observe.replay import Mesh, serving
from observe.replay.exposition import CONTENT_TYPE, exposition
from tests.replay.program import PATIENCE
from tests.replay.samples import Clock
from tests.servers.processes import LOOPBACK, local_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from observe.model import Inventory
    from observe.replay.server import Server


@contextmanager
def served(mesh: Mesh) -> Iterator[Server]:
    with serving(mesh, LOOPBACK, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def connected(server: Server) -> socket.socket:
    host, port = server.server_address[:2]
    return socket.create_connection((str(host), int(port)), timeout=PATIENCE)


@pytest.fixture(scope="module")
def server(shop: Inventory) -> Iterator[Server]:
    """Shared, as a mesh takes a second to simulate: a test ends the incident that it begins."""
    with served(Mesh(shop, clock=Clock(), now=Clock())) as server:
        yield server


def ask(server: Server, method: str, path: str, **headers: str) -> requests.Response:
    with local_session() as session:
        return session.request(method, server.url + path, headers=headers, timeout=PATIENCE, allow_redirects=False)


def test_prometheus_gets_the_exposition(server: Server) -> None:
    answer = ask(server, "GET", "/metrics")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, CONTENT_TYPE)
    assert answer.content == exposition(server.mesh.samples)


def test_an_incident_is_asked_for_looked_at_and_ended(server: Server, shop: Inventory) -> None:
    begun = ask(server, "POST", "/incident/slow?for=7m")
    assert begun.status_code == 200
    assert begun.json() == ask(server, "GET", "/state").json()
    told = begun.json()["incident"]
    assert (told["name"], told["began"], told["end"] - told["begin"]) == ("slow", True, 7 * 60)
    assert {one["service"] for one in told["expects"]} <= {"", *shop.by_id}
    assert "Recover" in ask(server, "GET", "/").text
    assert ask(server, "POST", "/recover").json()["incident"] is None
    assert "Recover" not in ask(server, "GET", "/").text


def test_the_page_has_a_button_for_everything_that_can_happen(server: Server) -> None:
    page = ask(server, "GET", "/").text
    assert server.mesh.possible
    for incident in server.mesh.possible:
        assert f'action="/incident/{incident.name}"' in page


def test_a_browser_comes_back_to_the_page(server: Server) -> None:
    answer = ask(server, "POST", "/incident/errors", Accept="text/html,*/*;q=0.8", Origin=server.url)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    ask(server, "POST", "/recover")


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Origin": "http://shop.example.com"}, "incidents are not asked for by pages of http://shop.example.com"),
        ({"Origin": "null"}, "incidents are not asked for by pages of null"),
        ({"Host": "shop.example.com"}, "incidents are asked for by address or as localhost, not by name"),
        # A name of its own that is made to lead here: the browser takes the page's site for ours.
        (
            {"Host": "shop.example.com", "Origin": "http://shop.example.com"},
            "incidents are asked for by address or as localhost, not by name",
        ),
        ({"Host": ""}, "incidents are asked for by address or as localhost, not by name"),
    ],
)
def test_pages_of_others_let_nothing_happen(server: Server, headers: dict[str, str], reason: str) -> None:
    answer = ask(server, "POST", "/incident/errors", **headers)
    assert (answer.status_code, answer.json()) == (403, {"error": reason})
    assert ask(server, "GET", "/state").json()["incident"] is None


@pytest.mark.parametrize("host", ["localhost:9464", "127.0.0.1", "[::1]:9464", "192.0.2.7:80"])
def test_addresses_and_localhost_may_ask(server: Server, host: str) -> None:
    """The request gets as far as being told that there is nothing to end."""
    answer = ask(server, "POST", "/recover", Host=host, Origin=f"http://{host}")
    assert (answer.status_code, answer.json()) == (409, {"error": "no incident is under way"})


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/metric", 404, "there is no /metric; take /, /metrics or /state"),
        ("GET", "/recover", 404, "there is no /recover; take /, /metrics or /state"),
        ("POST", "/metrics", 404, "there is no /metrics; take /recover or /incident/NAME"),
        ("POST", "/incident/errors?for=5", 400, "for is no duration; write a number with its unit, "),
        ("POST", "/incident/rain", 404, "there is no incident rain; take one of errors, "),
        ("POST", "/recover", 409, "no incident is under way"),
    ],
)
def test_what_there_is_not_is_said(server: Server, method: str, path: str, status: int, reason: str) -> None:
    answer = ask(server, method, path)
    assert answer.status_code == status
    assert answer.json()["error"].startswith(reason)


HIDDEN = "GET /state HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("header", "answers"),
    [
        (f"Content-Length: {len(HIDDEN)}\r\nConnection: close", ["HTTP/1.1 409"]),
        ("Content-Length: 70000", ["HTTP/1.1 413"]),
        ("Content-Length: -1", ["HTTP/1.1 413"]),
        ("Transfer-Encoding: chunked", ["HTTP/1.1 413"]),
    ],
)
def test_a_body_is_not_taken_for_the_next_request(server: Server, header: str, answers: list[str]) -> None:
    with connected(server) as client:
        client.sendall(f"POST /recover HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n{HIDDEN}".encode())
        client.shutdown(socket.SHUT_WR)
        answer = b""
        with suppress(ConnectionError):
            while received := client.recv(65_536):
                answer += received
    assert re.findall("HTTP/1.1 [0-9]{3}", answer.decode()) == answers


def test_a_client_that_goes_away_is_no_error(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    with connected(server) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closing resets the connection
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert json.loads(ask(server, "GET", "/state").text)
    assert capfd.readouterr().err == ""


def test_a_port_that_is_taken_is_named(server: Server) -> None:
    host, port = server.server_address[:2]
    taken = f"^{host!s}:{port} cannot be listened on: Address already in use; name another --listen$"
    with pytest.raises(UsageError, match=taken), serving(server.mesh, str(host), int(port)):
        pass
