"""Grafana's client against a stand-in: trying again, and what every kind of answer becomes."""

from __future__ import annotations

import logging
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from observe import errors
from observe.clients.credentials import GrafanaCredentials
from observe.clients.grafana import GrafanaClient
from tests.clients.stand_in import HASTE, Asked, Reply, stand_in
from tests.servers.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

KEY, WORDS = "glsa_not-to-be-seen", "pä"


def client(url: str) -> GrafanaClient:
    return GrafanaClient(GrafanaCredentials(url, token=KEY), pace=HASTE)


def save(grafana: GrafanaClient) -> None:
    grafana.save({"uid": "web", "title": "Web"}, "folder-11", overwrite=False, message="why")


def failing(times: int, reply: Reply | None) -> Callable[[Asked], Reply | None]:
    """A server that answers `reply`, or breaks the connection, so many times, and then well."""
    left = count(times, -1)
    return lambda _: reply if next(left) > 0 else Reply()


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(500, {"message": "database is locked"}), id="locked database"),
        pytest.param(Reply(502, "<html>bad gateway</html>"), id="gateway"),
        pytest.param(Reply(429, {}, {"Retry-After": "0"}), id="too many requests, at once"),
        pytest.param(Reply(429, {}, {"Retry-After": "1"}), id="too many requests, soon"),
        pytest.param(Reply(503, {}, {"Retry-After": "next week"}), id="a Retry-After that is none"),
        pytest.param(None, id="broken connection"),
    ],
)
def test_a_save_is_tried_again_until_it_works(reply: Reply | None) -> None:
    with stand_in(failing(2, reply)) as server, client(server.url) as grafana:
        save(grafana)
    assert [str(asked) for asked in server.asked] == ["POST /api/dashboards/db"] * 3
    assert server.asked[0].body == server.asked[2].body


def test_patience_asked_for_is_given_up_to_the_longest_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", pauses.append)
    reply = Reply(429, {}, {"Retry-After": "3600"})
    with stand_in(failing(2, reply)) as server, client(server.url) as grafana:
        save(grafana)
    assert pauses == [HASTE.longest, HASTE.longest]


def test_a_save_always_names_the_folder_and_never_an_id() -> None:
    with stand_in(lambda _: Reply()) as server, client(server.url) as grafana:
        grafana.save({"id": 11, "uid": "web"}, "folder-11", overwrite=True, message="why")
    assert server.asked[0].body == {
        "dashboard": {"id": None, "uid": "web"},
        "folderUid": "folder-11",
        "overwrite": True,
        "message": "why",
    }


def test_a_mark_is_of_the_organization_and_of_this_moment() -> None:
    """Without a dashboard or a time in the request."""
    with stand_in(lambda _: Reply()) as server, client(server.url) as grafana:
        grafana.annotate("3 changed", ("observe", "observe-pack-shop"))
    assert str(server.asked[0]) == "POST /api/annotations"
    assert server.asked[0].body == {"text": "3 changed", "tags": ["observe", "observe-pack-shop"]}


def test_a_search_takes_page_after_page_until_a_short_one() -> None:
    hits = [{"uid": f"d{number}", "tags": ["t"], "folderTitle": "F"} for number in range(5)]

    def answer(asked: Asked) -> Reply:
        limit, page = int(asked.params["limit"][0]), int(asked.params["page"][0])
        return Reply(200, hits[limit * (page - 1) : limit * page])

    with stand_in(answer) as server, client(server.url) as grafana:
        assert [hit.uid for hit in grafana.search("t", page_size=2)] == ["d0", "d1", "d2", "d3", "d4"]
        assert len(server.asked) == 3
        assert len(grafana.search("t")) == 5
    assert len(server.asked) == 4
    assert server.asked[3].params == {"type": ["dash-db"], "tag": ["t"], "limit": ["5000"], "page": ["1"]}


AT = "Grafana at {url} "
SAVE = "did not save the dashboard web: "
REFUSALS = [
    pytest.param(
        Reply(401, {"message": "Invalid API key"}),
        errors.Unauthorized,
        "does not accept the credential (Invalid API key): set GRAFANA_TOKEN to a valid service account token"
        " (this one may be wrong, expired, revoked, or of another Grafana)",
        id="wrong token",
    ),
    pytest.param(
        Reply(403, {"message": "Access denied"}),
        errors.Forbidden,
        "does not let us save the dashboard web (Access denied): give the service account the role Editor, or a"
        " permission for that",
        id="token without rights",
    ),
    pytest.param(
        Reply(412, {"status": "version-mismatch", "message": "changed by someone else"}),
        errors.Conflict,
        SAVE + "412 changed by someone else",
        id="changed meanwhile",
    ),
    pytest.param(
        Reply(400, {"message": "A dashboard with the same uid already exists"}),
        errors.Conflict,
        SAVE + "400 A dashboard with the same uid already exists",
        id="uid taken",
    ),
    pytest.param(
        Reply(400, {"message": "Dashboard title cannot be empty"}),
        errors.Rejected,
        SAVE + "400 Dashboard title cannot be empty",
        id="bad content",
    ),
    pytest.param(Reply(422, "x " * 500), errors.Rejected, SAVE + "422 " + "x " * 199 + "x…", id="long answer"),
    pytest.param(Reply(503, ""), errors.Unreachable, SAVE + "503 Service Unavailable", id="down"),
    pytest.param(
        Reply(302, "", {"Location": "/login"}),
        errors.Rejected,
        "answers with a redirect to /login: set GRAFANA_URL to the address of the API itself",
        id="login page",
    ),
]


@pytest.mark.parametrize(("reply", "kind", "message"), REFUSALS)
def test_every_refusal_says_what_why_and_the_way_out(
    reply: Reply, kind: type[errors.ObserveError], message: str
) -> None:
    with stand_in(lambda _: reply) as server, client(server.url) as grafana, pytest.raises(kind) as caught:
        save(grafana)
    assert type(caught.value) is kind
    assert str(caught.value) == AT.format(url=server.url) + message


@pytest.mark.parametrize("body", ["<html>welcome</html>", {"hits": 3}, [{"title": "no uid"}], [1], "null"])
def test_an_answer_that_is_not_grafanas_is_told(body: Any) -> None:
    with (
        stand_in(lambda _: Reply(200, body)) as server,
        client(server.url) as grafana,
        pytest.raises(errors.Rejected) as caught,
    ):
        grafana.search("t")
    assert str(caught.value) == (
        f"what answers at {server.url} is not Grafana's API (it gave no such JSON to list dashboards):"
        " check GRAFANA_URL"
    )


def test_nobody_listening_is_told_in_a_few_words() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with client(url) as grafana, pytest.raises(errors.Unreachable) as caught:
        grafana.search("t")
    assert str(caught.value) == (f"Grafana at {url} does not answer (list dashboards): [Errno 111] Connection refused")


def test_what_is_gone_already_counts_as_deleted() -> None:
    gone = Reply(404, {"message": "Dashboard not found"})
    with stand_in(lambda _: gone) as server, client(server.url) as grafana:
        grafana.delete("web")
        assert grafana.dashboard("web") is None
        assert grafana.folder("f") is None


def test_the_credential_is_sent_and_seen_nowhere_else(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """A `.netrc` for the same host must not replace the token either."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password wrong\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    caplog.set_level(logging.DEBUG)
    with stand_in(lambda _: None) as server, client(server.url) as grafana:
        with pytest.raises(errors.Unreachable) as caught:
            save(grafana)
        shown = (repr(grafana), str(caught.value), caplog.text, repr(caught.value.__cause__))
    assert server.asked[0].headers["Authorization"] == f"Bearer {KEY}"
    assert server.asked[0].headers["User-Agent"] == "observe"
    assert KEY not in "".join(shown)
    assert caught.value.__suppress_context__


def test_a_user_and_password_are_sent_as_basic_auth() -> None:
    with stand_in(lambda _: Reply(200, [])) as server:
        GrafanaClient(GrafanaCredentials(server.url, user="ada", password=WORDS)).search("t")
    assert server.asked[0].headers["Authorization"] == "Basic YWRhOnDDpA=="
