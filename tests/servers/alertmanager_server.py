"""A real Alertmanager, amtool, and a receiver on loopback that keeps what Alertmanager sends."""

from __future__ import annotations

import json
import subprocess
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import yaml

from tests.servers.install import SERVERS
from tests.servers.processes import LOOPBACK, accepted, answers, clean_environment, free_port, local_session, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType

    Start = Callable[[Mapping[str, Any]], AbstractContextManager[tuple["AlertmanagerServer", "Receiver"]]]
    """A server with this configuration, and a receiver of all its notifications: what the fixture gives."""

MAINTENANCE_INTERVAL = "100ms"
"""How soon a group without alerts is forgotten. With Alertmanager's own 30 s it would outlive a whole test."""


def binary(name: str) -> Path:
    return SERVERS["alertmanager"].folder() / "bin" / name


class Amtool:
    """The checks of amtool. Each gives its exit status and output, and leaves the judgement to the test."""

    def check_config(self, path: Path) -> subprocess.CompletedProcess[str]:
        return self._run("check-config", path)

    def routes_test(self, path: Path, labels: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Which receivers an alert with these labels goes to; their names on one line, divided by commas."""
        return self._run("config", "routes", "test", f"--config.file={path}", *map("=".join, labels.items()))

    def _run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        argv = [binary("amtool"), *arguments]
        return subprocess.run(argv, env=clean_environment({}), capture_output=True, text=True, timeout=120)


class AlertmanagerServer:
    """Alertmanager while the block runs, alone, with `config` as its file and all files in `folder`."""

    def __init__(self, folder: Path, config: Mapping[str, Any], *, limit: float = 60) -> None:
        self.folder = folder
        self.config = config
        self.limit = limit
        self.address = f"{LOOPBACK}:{free_port()}"
        self.url = f"http://{self.address}"
        self._session = local_session()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            stack.enter_context(self._session)
            log = self.folder / "alertmanager.log"
            stack.enter_context(running(self._argv(), log, self._ready, limit=self.limit))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def post(self, alerts: Iterable[Mapping[str, Any]]) -> None:
        """Send alerts as Prometheus does: `labels`, and times in RFC 3339 as `startsAt` and `endsAt`.

        Without `endsAt` an alert fires until `resolve_timeout` (5 minutes); with one in the past it is resolved.
        """
        accepted(self._session.post(f"{self.url}/api/v2/alerts", json=list(alerts), timeout=30))

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that it holds and that are not resolved, with their `status` (`state`, `inhibitedBy`)."""
        found: list[dict[str, Any]] = accepted(self._session.get(f"{self.url}/api/v2/alerts", timeout=30)).json()
        return found

    def _argv(self) -> list[str | Path]:
        path = self.folder / "alertmanager.yaml"
        path.write_text(yaml.safe_dump(dict(self.config), sort_keys=False))
        return [
            binary("alertmanager"), f"--config.file={path}", f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address={self.address}", "--cluster.listen-address=",
            f"--dispatch.maintenance-interval={MAINTENANCE_INTERVAL}",
        ]  # fmt: skip

    def _ready(self) -> bool:
        return answers(self._session, f"{self.url}/-/ready")


class Receiver:
    """A webhook on loopback while the block runs; it keeps what it is sent, in order, and always says yes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._notifications: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://{LOOPBACK}:{self._server.server_port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def notifications(self) -> list[dict[str, Any]]:
        """What came until now: Alertmanager's webhook message, with `receiver`, `groupLabels`, `alerts`."""
        with self._lock:
            return list(self._notifications)

    def listening(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The same configuration with this webhook as the only integration of every receiver."""
        webhook = {"webhook_configs": [{"url": self.url, "send_resolved": True}]}
        return {**config, "receivers": [{"name": receiver["name"], **webhook} for receiver in config["receivers"]]}

    def _keep(self, notification: dict[str, Any]) -> None:
        with self._lock:
            self._notifications.append(notification)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        keep = self._keep

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                keep(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
                """Nothing: a failed test would print a line for each request."""

        return Handler
