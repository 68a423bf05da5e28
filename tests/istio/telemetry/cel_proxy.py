"""Envoy, asked what a CEL expression makes of a request: the same cel-cpp that evaluates Istio's metrics.

Stock Envoy lacks Istio's metrics. It evaluates CEL in the filters of access logs, with one difference that is known:
there a regular expression may have 100 instructions, in Istio's metrics as many as it likes (envoy
`source/extensions/filters/common/expr/evaluator.cc`, `contrib/istio/filters/http/istio_stats`).
"""

from __future__ import annotations

import itertools
import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

import requests

from tests.servers.fixtures import require
from tests.servers.install import envoy
from tests.servers.processes import LOOPBACK, answers, free_ports, local_session, running, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

TYPE = "type.googleapis.com/envoy.extensions"


class CelProxy:
    """Envoy while the block runs, with one expression and the values that it may have; files in `folder`."""

    def __init__(self, folder: Path, expression: str, values: Sequence[str], *, limit: float = 60) -> None:
        require("envoy")
        self.folder = folder
        self.expression = expression
        self.values = tuple(values)
        self.limit = limit
        self.port, self.admin = free_ports(2)
        self.log = folder / "requests.log"
        self._ids = itertools.count(1)
        self._session = local_session()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._session)
            config = self.folder / "envoy.json"
            config.write_text(json.dumps(self._bootstrap()))
            argv: list[str | Path] = [
                envoy(), "-c", config, "--concurrency", "1", "--use-dynamic-base-id",
                "--file-flush-interval-msec", "20",
            ]  # fmt: skip
            ready = f"http://{LOOPBACK}:{self.admin}/ready"
            log = self.folder / "envoy.log"
            stack.enter_context(running(argv, log, lambda: answers(self._session, ready), limit=self.limit))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def value(self, method: str, path: str) -> str:
        """The expression's value for a request; raises ValueError when it is none of `values`, or several."""
        name = str(next(self._ids))
        url = f"http://{LOOPBACK}:{self.port}"
        prepared = self._session.prepare_request(requests.Request(method, url, headers={"X-Name": name}))
        prepared.url = f"{url}{path}"  # as it is: nothing encoded, no dots resolved
        self._session.send(prepared, timeout=self.limit)
        wait_until(lambda: f"all {name}\n" in self._logged(), f"{method} {path} in the log", self.limit)
        lines = (line.split(" ") for line in self._logged().splitlines())
        (found,) = [int(number) for number, of in lines if of == name and number != "all"]
        return self.values[found]

    def _logged(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def _bootstrap(self) -> dict[str, Any]:
        logs = [self._access_log(str(number), value) for number, value in enumerate(self.values)]
        manager = {
            "@type": f"{TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "cel",
            "access_log": [*logs, self._access_log("all", None)],
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                {"match": {"prefix": "/"}, "direct_response": {"status": 200}}
            ]}]},
            "http_filters": [
                {"name": "router", "typed_config": {"@type": f"{TYPE}.filters.http.router.v3.Router"}}
            ],
        }  # fmt: skip
        chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        listener = {"name": "cel", "address": address(self.port), "filter_chains": [chain]}
        return {"admin": {"address": address(self.admin)}, "static_resources": {"listeners": [listener]}}

    def _access_log(self, name: str, value: str | None) -> dict[str, Any]:
        """A line for the requests whose expression has this value; for all of them without one."""
        line = {"text_format_source": {"inline_string": f"{name} %REQ(X-NAME)%\n"}}
        file = {"@type": f"{TYPE}.access_loggers.file.v3.FileAccessLog", "path": str(self.log), "log_format": line}
        log: dict[str, Any] = {"name": "file", "typed_config": file}
        if value is not None:
            condition = {
                "@type": f"{TYPE}.access_loggers.filters.cel.v3.ExpressionFilter",
                "expression": f"({self.expression}) == {json.dumps(value)}",
            }
            log["filter"] = {"extension_filter": {"name": "cel", "typed_config": condition}}
        return log


def address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": LOOPBACK, "port_value": port}}
