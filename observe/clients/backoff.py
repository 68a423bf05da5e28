"""Trying again: what both HTTP clients do when a server is busy, restarting, or not there for a moment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from urllib3.exceptions import HTTPError, InvalidHeader, MaxRetryError
from urllib3.util.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY = frozenset({429, 502, 503, 504})
"""The server, or a proxy in front of it, has no time: the same request may work later."""
RETRIED = BUSY | {500}
"""Grafana answers 500 while its SQLite database is locked, a Kubernetes API server while it loses etcd."""
CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 60.0
"""In seconds. Admission webhooks may take 10 s each before the API server gives up on them."""

_LAYERS = re.compile(r"^\w+\(host=.*?\): (Failed to establish a new connection: )?")
"""What urllib3 writes before the reason."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how soon a request is tried again; all times in seconds."""

    attempts: int = 5
    """Further attempts after an answer of RETRIED, or after a connection that broke."""
    connects: int = 2
    """Further attempts after a connection that could not be made: a wrong address should be told soon."""
    first: float = 0.5
    """The second pause is at most twice this; each later one doubles it."""
    longest: float = 30
    """Bound of every pause, also of one that the server asks for by Retry-After."""

    def retries(self, kind: type[BackOff] | None = None) -> BackOff:
        """For any method: what this program sends may arrive twice and mean the same as once."""
        return (kind or BackOff)(
            total=self.attempts,
            connect=self.connects,
            other=0,  # TLS: a certificate does not get better by asking again
            redirect=False,
            allowed_methods=None,
            status_forcelist=RETRIED,
            backoff_factor=self.first,
            backoff_jitter=self.first,
            backoff_max=self.longest,
            raise_on_status=False,
        )


class BackOff(Retry):
    """urllib3's Retry, which honours Retry-After, with our bound on it: its own is six hours."""

    def parse_retry_after(self, retry_after: str) -> float:
        try:
            return min(super().parse_retry_after(retry_after), self.backoff_max)
        except InvalidHeader:
            return 0


def cause(error: BaseException) -> str:
    """The innermost reason of a connection error in a few words, without the layers that carried it here."""
    *_, innermost = _chain(error)
    return _LAYERS.sub("", str(innermost)) or type(innermost).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was made from: urllib3 keeps that in `reason`, others in `args`."""
    inner: BaseException | None = error
    for _ in range(10):
        if inner is None:
            return
        yield inner
        reason = inner.reason if isinstance(inner, MaxRetryError) else None
        inside = (part for part in inner.args if isinstance(part, Exception))
        inner = reason if isinstance(reason, HTTPError) else next(inside, None)
