"""Prometheus' HTTP API, as far as looking at data needs it: instant and range queries, series, values of labels.

Thanos, Mimir, Cortex and VictoriaMetrics serve the same API.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias, TypeVar
from urllib.parse import quote

import orjson
import requests

from observe import errors
from observe.clients.backoff import BUSY, CONNECT_TIMEOUT, READ_TIMEOUT, cause
from observe.clients.connection import Connection
from observe.errors import shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from observe.clients.backoff import Pace
    from observe.clients.prometheus_access import PrometheusAccess

WORKERS: Final = 8
"""Queries at a time: well below the 20 that Prometheus itself runs (`--query.max-concurrency`)."""
QUERY_TIMEOUT: Final = READ_TIMEOUT - 10
"""In seconds. Prometheus gives up a query before the connection is given up, and so can say which one it was."""

Json: TypeAlias = Any
"""What a foreign server sent: nothing is known of it until it is looked at."""

Labels: TypeAlias = tuple[tuple[str, str], ...]
"""Sorted pairs of name and value."""

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Instant:
    """A query at one moment, in seconds since 1970."""

    expr: str
    at: float


@dataclass(frozen=True, slots=True)
class Range:
    """A query at every `step` seconds from `start` to `end`, both included, in seconds since 1970."""

    expr: str
    start: float
    end: float
    step: float


Question: TypeAlias = Instant | Range


@dataclass(frozen=True, slots=True)
class Series:
    """Points in the order of time: seconds since 1970, and a value that may be NaN or infinite."""

    labels: Labels
    points: tuple[tuple[float, float], ...]

    def label(self, name: str) -> str:
        """A label's value; empty for one that the series has not, which to Prometheus means the same."""
        return dict(self.labels).get(name, "")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gave. Series are in Prometheus' own order, which `sort` and `topk` decide."""

    series: tuple[Series, ...] = ()
    warnings: tuple[str, ...] = ()
    """What Prometheus adds to a result that it gave: warnings and infos, such as a rate over what is no counter."""


class QueryFailed(errors.Rejected):
    """Prometheus answered, and could not or would not run this query; others may go well."""


class PrometheusClient(Connection):
    """A connection to one Prometheus. Safe to share between threads.

    Every method raises Unreachable, Unauthorized, Forbidden or Rejected, and no other exception; QueryFailed is the
    Rejected of a single query.
    """

    def __init__(self, access: PrometheusAccess, *, workers: int = WORKERS, pace: Pace | None = None) -> None:
        super().__init__(access.url, access.token, access.user, access.password, workers=workers, pace=pace)
        if access.tenant:
            self._session.headers["X-Scope-OrgID"] = access.tenant

    def ask(self, question: Question) -> Answer:
        """The answer to one query; raises QueryFailed with Prometheus' own reason."""
        if isinstance(question, Instant):
            params = {"query": question.expr, "time": _number(question.at)}
            path = "/api/v1/query"
        else:
            params = {
                "query": question.expr,
                "start": _number(question.start),
                "end": _number(question.end),
                "step": _number(question.step),
            }
            path = "/api/v1/query_range"
        # As a form: an expression may be longer than what proxies take in an address.
        form = params | {"timeout": f"{QUERY_TIMEOUT:g}s"}
        return self._read(self._request("POST", path, "run a query", data=form), "run a query", _answer)

    def ask_all(
        self, questions: Iterable[Question], told: Callable[[], object] = lambda: None
    ) -> dict[Question, Answer | QueryFailed]:
        """The answers to many queries, a few at a time, each asked once; `told` is called after each.

        A query that fails has its error for an answer. Anything that would befall the others too is raised, and what
        has not been asked by then never is.
        """
        distinct = list(dict.fromkeys(questions))
        pool = ThreadPoolExecutor(self._workers)
        try:
            answers: dict[Question, Answer | QueryFailed] = {}
            for question, answer in zip(distinct, pool.map(self._ask_or_fail, distinct), strict=True):
                answers[question] = answer
                told()
            return answers
        finally:
            pool.shutdown(cancel_futures=True)

    def series(self, match: str, start: float, end: float) -> tuple[Labels, ...]:
        """The series that match a selector and have samples in the time."""
        params = {"match[]": match, "start": _number(start), "end": _number(end)}
        answer = self._request("GET", "/api/v1/series", "list series", params=params)
        return self._read(answer, "list series", lambda found: tuple(_labels(one) for one in found["data"]))

    def label_values(self, label: str, match: str | None, start: float, end: float) -> tuple[str, ...]:
        """The values of a label in the time, of the series that match a selector or of all, sorted."""
        params = {"start": _number(start), "end": _number(end)} | ({"match[]": match} if match else {})
        what = f"list the values of the label {shorten(label, 60)}"
        answer = self._request("GET", f"/api/v1/label/{quote(label, safe='')}/values", what, params=params)
        return self._read(answer, what, lambda found: tuple(sorted(map(str, found["data"]))))

    def _ask_or_fail(self, question: Question) -> Answer | QueryFailed:
        try:
            return self.ask(question)
        except QueryFailed as failed:
            return failed

    def _read(self, answer: requests.Response, what: str, read: Callable[[Json], Found]) -> Found:
        if not answer.ok or answer.is_redirect:
            self._refuse(answer, what)
        try:
            return read(orjson.loads(answer.content))
        except (ValueError, LookupError, TypeError, AttributeError):
            raise errors.Rejected(self._stranger(what)) from None

    def _stranger(self, what: str) -> str:
        return f"what answers at {self.url} is not Prometheus' API (it gave no such JSON to {what}): check the address"

    def _request(self, method: str, path: str, what: str, **options: Any) -> requests.Response:
        """Redirects are not followed: they turn a POST into a GET, and mostly lead to a page for people."""
        try:
            return self._session.request(
                method, self.url + path, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT), allow_redirects=False, **options
            )
        except (requests.RequestException, OSError) as error:
            # Without the chain: the foreign exception holds the request, and so the credential.
            raise errors.Unreachable(f"Prometheus at {self.url} does not answer ({what}): {cause(error)}") from None

    def _refuse(self, answer: requests.Response, what: str) -> NoReturn:
        status = answer.status_code
        kind, said = _reason(answer)
        if answer.is_redirect:
            raise errors.Rejected(
                f"Prometheus at {self.url} answers with a redirect to {shorten(answer.headers['Location'])}: give the"
                " address of the API itself"
            )
        if status == 401:
            raise errors.Unauthorized(
                f"Prometheus at {self.url} does not accept the credential ({said}): set PROMETHEUS_TOKEN, or"
                " PROMETHEUS_USER and PROMETHEUS_PASSWORD"
            )
        if status == 403:
            raise errors.Forbidden(f"Prometheus at {self.url} does not let us {what} ({said})")
        if kind and kind != "unavailable":
            raise QueryFailed(said)
        if status in BUSY:
            raise errors.Unreachable(f"Prometheus at {self.url} did not {what}: {status} {said}")
        if status == 404:
            raise errors.Rejected(self._stranger(what))
        raise errors.Rejected(f"Prometheus at {self.url} did not {what}: {status} {said}")


def _number(seconds: float) -> str:
    """Seconds as Prometheus takes them, to the millisecond, which is all that it keeps."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".")


def _reason(answer: requests.Response) -> tuple[str, str]:
    """Prometheus' word for the kind of error, empty where a proxy answered, and what it says, on one line."""
    try:
        said = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        said = None
    if isinstance(said, dict) and isinstance(said.get("error"), str) and isinstance(said.get("errorType"), str):
        return said["errorType"], shorten(said["error"])
    return "", shorten(answer.text or answer.reason or "no reason given")


def _answer(found: Json) -> Answer:
    data, told = found["data"], (*(found.get("warnings") or ()), *(found.get("infos") or ()))
    kind, result = data["resultType"], data["result"]
    if kind == "scalar":
        return Answer((Series((), (_point(result),)),), told)
    if kind not in ("vector", "matrix"):
        raise QueryFailed(f"the query gives a {shorten(str(kind), 40)}, not series")
    native = any("histogram" in one or "histograms" in one for one in result)
    series = tuple(_series(one) for one in result if "value" in one or "values" in one)
    return Answer(series, (*told, "native histograms are left out") if native else told)


def _series(found: Json) -> Series:
    points = found["values"] if "values" in found else [found["value"]]
    return Series(_labels(found["metric"]), tuple(map(_point, points)))


def _labels(found: Json) -> Labels:
    return tuple(sorted((str(name), str(value)) for name, value in found.items()))


def _point(found: Json) -> tuple[float, float]:
    """Values come as text, since JSON has no NaN and no infinity."""
    time, value = found
    return float(time), float(value)
