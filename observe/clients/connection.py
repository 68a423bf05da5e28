"""What the clients of Grafana and Prometheus share: one `requests` session that knows who it is and tries again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import requests
from requests.adapters import HTTPAdapter

from observe.clients.authentication import authentication
from observe.clients.backoff import Pace
from observe.naming import TOOL

if TYPE_CHECKING:
    from types import TracebackType


class Connection:
    """A connection to one server; use it in a `with` block, or close it. Safe to share between threads.

    `token`, or `user` and `password`, say who the requests are from; at most `workers` of them are under way at a time.
    """

    def __init__(
        self, url: str, token: str, user: str, password: str, *, workers: int = 8, pace: Pace | None = None
    ) -> None:
        self.url = url
        self._workers = workers
        self._session = requests.Session()
        self._session.auth = authentication(token, user, password)
        self._session.headers.update({"User-Agent": TOOL, "Accept": "application/json"})
        retries = (pace or Pace()).retries()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retries, pool_maxsize=workers))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()
