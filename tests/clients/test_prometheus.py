"""Prometheus' client against a stand-in, for every kind of answer, and against Prometheus itself."""

from __future__ import annotations

import logging
import math
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from observe import errors
from observe.clients.prometheus import Answer, Instant, PrometheusClient, QueryFailed, Range, Series
from observe.clients.prometheus_access import PrometheusAccess, prometheus_access
from tests.clients.stand_in import HASTE, Asked, Reply, stand_in
from tests.servers.processes import free_port

if TYPE_CHECKING:
    from tests.servers.prometheus_server import PrometheusServer

KEY, WORDS = "token-not-to-be-seen", "pä"
UP = Instant("up", 11.5)


def client(url: str, **access: str) -> PrometheusClient:
    return PrometheusClient(PrometheusAccess(url, **access), pace=HASTE)


def success(result: Any, kind: str = "vector", **more: Any) -> Reply:
    return Reply(200, {"status": "success", "data": {"resultType": kind, "result": result}, **more})


def failure(status: int, kind: str, said: str) -> Reply:
    return Reply(status, {"status": "error", "errorType": kind, "error": said})


VECTOR = [{"metric": {"b": "2", "a": "1"}, "value": [11.5, "12.25"]}, {"metric": {}, "value": [11.5, "NaN"]}]


def test_an_instant_query_gives_series_with_sorted_labels_and_numbers() -> None:
    with stand_in(lambda _: success(VECTOR)) as server, client(server.url) as prometheus:
        first, second = prometheus.ask(UP).series
    assert first == Series((("a", "1"), ("b", "2")), ((11.5, 12.25),))
    assert first.label("b") == "2"
    assert first.label("c") == ""
    assert math.isnan(second.points[0][1])
    asked = server.asked[0]
    assert str(asked) == "POST /api/v1/query"
    assert parse_qs(asked.body) == {"query": ["up"], "time": ["11.5"], "timeout": ["50s"]}


def test_a_range_query_gives_points_in_order() -> None:
    result = [{"metric": {"a": "1"}, "values": [[60, "1"], [75, "+Inf"], [90, "-Inf"]]}]
    with stand_in(lambda _: success(result, "matrix")) as server, client(server.url) as prometheus:
        answer = prometheus.ask(Range('up{a="1"}', 60, 90, 15))
    assert answer.series[0].points == ((60, 1), (75, math.inf), (90, -math.inf))
    asked = server.asked[0]
    assert str(asked) == "POST /api/v1/query_range"
    assert parse_qs(asked.body) == {
        "query": ['up{a="1"}'], "start": ["60"], "end": ["90"], "step": ["15"], "timeout": ["50s"],
    }  # fmt: skip


def test_a_scalar_is_a_series_without_labels() -> None:
    with stand_in(lambda _: success([5, "7"], "scalar")) as server, client(server.url) as prometheus:
        assert prometheus.ask(UP) == Answer((Series((), ((5, 7),)),))


def test_what_prometheus_remarks_on_an_answer_is_kept() -> None:
    reply = success([], warnings=["a store is gone"], infos=["metric might not be a counter"])
    with stand_in(lambda _: reply) as server, client(server.url) as prometheus:
        assert prometheus.ask(UP).warnings == ("a store is gone", "metric might not be a counter")


def test_native_histograms_are_left_out_and_that_is_told() -> None:
    histogram = {"metric": {}, "histogram": [11.5, {"count": "1", "sum": "2"}]}
    with stand_in(lambda _: success([*VECTOR, histogram])) as server, client(server.url) as prometheus:
        answer = prometheus.ask(UP)
    assert len(answer.series) == 2
    assert answer.warnings == ("native histograms are left out",)


AT = "Prometheus at {url} "
REFUSALS = [
    pytest.param(failure(400, "bad_data", "1:3: parse error"), QueryFailed, "1:3: parse error", id="does not parse"),
    pytest.param(failure(422, "execution", "many-to-many"), QueryFailed, "many-to-many", id="cannot be run"),
    pytest.param(failure(503, "timeout", "query timed out"), QueryFailed, "query timed out", id="takes too long"),
    pytest.param(success("x", "string"), QueryFailed, "the query gives a string, not series", id="a string"),
    pytest.param(
        failure(503, "unavailable", "starting up"),
        errors.Unreachable,
        AT + "did not run a query: 503 starting up",
        id="starting",
    ),
    pytest.param(
        Reply(502, "<html>bad gateway</html>"),
        errors.Unreachable,
        AT + "did not run a query: 502 <html>bad gateway</html>",
        id="gateway",
    ),
    pytest.param(
        Reply(401, "no token"),
        errors.Unauthorized,
        AT + "does not accept the credential (no token): set PROMETHEUS_TOKEN, or PROMETHEUS_USER and"
        " PROMETHEUS_PASSWORD",
        id="no token",
    ),
    pytest.param(
        Reply(403, "forbidden"), errors.Forbidden, AT + "does not let us run a query (forbidden)", id="not allowed"
    ),
    pytest.param(
        Reply(302, "", {"Location": "/login"}),
        errors.Rejected,
        AT + "answers with a redirect to /login: give the address of the API itself",
        id="login page",
    ),
    pytest.param(
        Reply(404, "not found"),
        errors.Rejected,
        "what answers at {url} is not Prometheus' API (it gave no such JSON to run a query): check the address",
        id="another server",
    ),
    pytest.param(
        Reply(200, "<html>welcome</html>"),
        errors.Rejected,
        "what answers at {url} is not Prometheus' API (it gave no such JSON to run a query): check the address",
        id="a page for people",
    ),
    pytest.param(Reply(418, "teapot"), errors.Rejected, AT + "did not run a query: 418 teapot", id="something else"),
]


@pytest.mark.parametrize(("reply", "kind", "message"), REFUSALS)
def test_every_refusal_says_what_why_and_the_way_out(
    reply: Reply, kind: type[errors.ObserveError], message: str
) -> None:
    with stand_in(lambda _: reply) as server, client(server.url) as prometheus, pytest.raises(kind) as caught:
        prometheus.ask(UP)
    assert type(caught.value) is kind
    assert str(caught.value) == message.format(url=server.url)


def test_nobody_listening_is_told_in_a_few_words() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with client(url) as prometheus, pytest.raises(errors.Unreachable) as caught:
        prometheus.ask(UP)
    assert str(caught.value) == f"Prometheus at {url} does not answer (run a query): [Errno 111] Connection refused"


@pytest.mark.parametrize("reply", [Reply(503, "busy"), Reply(429, "", {"Retry-After": "0"}), None])
def test_a_query_is_tried_again_until_it_works(reply: Reply | None) -> None:
    left = count(2, -1)
    with (
        stand_in(lambda _: reply if next(left) > 0 else success(VECTOR)) as server,
        client(server.url) as prometheus,
    ):
        assert len(prometheus.ask(UP).series) == 2
    assert len(server.asked) == 3


def test_many_queries_are_asked_once_each_and_one_that_fails_spoils_no_other() -> None:
    def answer(asked: Asked) -> Reply:
        query = parse_qs(asked.body)["query"][0]
        return failure(400, "bad_data", f"no {query}") if query == "bad" else success(VECTOR)

    good, bad = [Instant(f"q{number}", 1) for number in range(20)], Instant("bad", 1)
    told = list[int]()
    with stand_in(answer) as server, client(server.url) as prometheus:
        answers = prometheus.ask_all([*good, bad, *good], lambda: told.append(1))
    assert list(answers) == [*good, bad]
    assert all(isinstance(answers[question], Answer) for question in good)
    assert str(answers[bad]) == "no bad"
    assert len(server.asked) == len(told) == 21


def test_what_befalls_all_queries_ends_them_all() -> None:
    with (
        stand_in(lambda _: Reply(401, "expired")) as server,
        client(server.url) as prometheus,
        pytest.raises(errors.Unauthorized),
    ):
        prometheus.ask_all(Instant(f"q{number}", 1) for number in range(500))
    assert len(server.asked) < 100


def test_label_values_and_series_are_asked_within_the_time() -> None:
    def answer(asked: Asked) -> Reply:
        data = ["b", "a"] if "label" in asked.path else [{"y": "2", "x": "1"}]
        return Reply(200, {"status": "success", "data": data})

    with stand_in(answer) as server, client(server.url) as prometheus:
        assert prometheus.label_values("name space", "up", 60, 90) == ("a", "b")
        assert prometheus.label_values("job", None, 60, 90) == ("a", "b")
        assert prometheus.series("up", 60, 90) == ((("x", "1"), ("y", "2")),)
    named, every, series = server.asked
    assert named.path == "/api/v1/label/name%20space/values"
    assert named.params == {"start": ["60"], "end": ["90"], "match[]": ["up"]}
    assert every.params == {"start": ["60"], "end": ["90"]}
    assert series.params == {"start": ["60"], "end": ["90"], "match[]": ["up"]}


def test_the_credential_is_sent_and_seen_nowhere_else(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """A `.netrc` for the same host must not replace the token either."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password wrong\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    caplog.set_level(logging.DEBUG)
    with stand_in(lambda _: None) as server, client(server.url, token=KEY, tenant="shop") as prometheus:
        with pytest.raises(errors.Unreachable) as caught:
            prometheus.ask(UP)
        shown = (repr(prometheus), str(caught.value), caplog.text, repr(PrometheusAccess(server.url, token=KEY)))
    assert server.asked[0].headers["Authorization"] == f"Bearer {KEY}"
    assert server.asked[0].headers["X-Scope-OrgID"] == "shop"
    assert KEY not in "".join(shown)
    assert caught.value.__suppress_context__


def test_without_a_credential_none_is_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password wrong\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with stand_in(lambda _: success([])) as server, client(server.url) as prometheus:
        prometheus.ask(UP)
    assert "Authorization" not in server.asked[0].headers
    assert "X-Scope-OrgID" not in server.asked[0].headers


def test_a_user_and_password_are_sent_as_basic_auth() -> None:
    with stand_in(lambda _: success([])) as server, client(server.url, user="ada", password=WORDS) as prometheus:
        prometheus.ask(UP)
    assert server.asked[0].headers["Authorization"] == "Basic YWRhOnDDpA=="


def test_prometheus_itself_answers(prometheus_server: PrometheusServer) -> None:
    with client(prometheus_server.url) as prometheus:
        answers = prometheus.ask_all((Instant("vector(time())", 60), Range("vector(time())", 60, 90, 15)))
        assert [answer.series[0].points for answer in answers.values() if isinstance(answer, Answer)] == [
            ((60, 60),),
            ((60, 60), (75, 75), (90, 90)),
        ]
        with pytest.raises(QueryFailed, match="parse error"):
            prometheus.ask(Instant("rate(up[", 60))
        with pytest.raises(QueryFailed, match="exceeded maximum resolution"):
            prometheus.ask(Range("up", 0, 1e6, 1))
        assert prometheus.label_values("job", "nothing", 0, 90) == ()
        assert prometheus.series("nothing", 0, 90) == ()


URL = "http://prometheus.example.com/prom/"


def test_access_comes_from_the_environment() -> None:
    assert prometheus_access(URL, {}) == PrometheusAccess("http://prometheus.example.com/prom")
    environ = {
        "PROMETHEUS_TOKEN": f" {KEY}\n", "PROMETHEUS_USER": "ada", "PROMETHEUS_PASSWORD": WORDS,
        "PROMETHEUS_TENANT": "shop",
    }  # fmt: skip
    found = prometheus_access(URL, environ)
    assert (found.token, found.user, found.password, found.tenant) == (KEY, "", "", "shop")
    del environ["PROMETHEUS_TOKEN"]
    found = prometheus_access(URL, environ)
    assert (found.token, found.user, found.password) == ("", "ada", WORDS)


@pytest.mark.parametrize(
    ("url", "environ", "message"),
    [
        ("prometheus:9090", {}, "must be http:// or https://"),
        ("http://x.example.com:99999", {}, "must be http:// or https://"),
        ("http://x.example.com/?a=1", {}, "must be http:// or https://"),
        ("http://ada:secret@x.example.com", {}, "holds a user or password"),
        (URL, {"PROMETHEUS_USER": "ada"}, "PROMETHEUS_PASSWORD is not set, though PROMETHEUS_USER is"),
        (URL, {"PROMETHEUS_PASSWORD": "x"}, "PROMETHEUS_USER is not set, though PROMETHEUS_PASSWORD is"),
        (URL, {"PROMETHEUS_TOKEN": "a b"}, "PROMETHEUS_TOKEN holds blanks"),
        (URL, {"PROMETHEUS_TENANT": "a\nb"}, "PROMETHEUS_TENANT holds blanks"),
    ],
)
def test_access_that_cannot_work_is_told(url: str, environ: dict[str, str], message: str) -> None:
    with pytest.raises(errors.UsageError, match=message) as caught:
        prometheus_access(url, environ)
    assert "secret" not in str(caught.value)
