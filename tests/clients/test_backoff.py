"""How connection errors read."""

from __future__ import annotations

import pytest
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError, ReadTimeoutError

from observe.clients.backoff import Pace, cause

POOL = HTTPConnectionPool("grafana.example.com", 80)
CONNECTION = HTTPConnection("grafana.example.com", 80)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            MaxRetryError(POOL, "/", NewConnectionError(CONNECTION, "[Errno 111] Connection refused")),
            "[Errno 111] Connection refused",
        ),
        (
            NameResolutionError("nowhere.example.com", CONNECTION, OSError("unknown")),  # type: ignore[arg-type]
            "Failed to resolve 'nowhere.example.com' (unknown)",
        ),
        (ReadTimeoutError(POOL, "/", "Read timed out."), "Read timed out."),
        (
            OSError("outer", ConnectionResetError(104, "Connection reset by peer")),
            "[Errno 104] Connection reset by peer",
        ),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_the_innermost_reason_is_told_without_what_carried_it(error: Exception, told: str) -> None:
    assert cause(error) == told


def test_pauses_grow_and_stay_below_the_longest() -> None:
    retries = Pace(attempts=9, first=1, longest=7).retries()
    pauses = []
    for _ in range(6):
        retries = retries.increment(method="GET", url="/", error=ReadTimeoutError(POOL, "/", "x"))
        pauses.append(retries.get_backoff_time())
    assert pauses[0] == 0, "the first further attempt is made at once"
    assert 2 <= pauses[1] <= 3
    assert 4 <= pauses[2] <= 5
    assert pauses[3:] == [7, 7, 7]
