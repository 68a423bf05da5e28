"""Where Grafana is and who we are there: read from the environment, checked, and never shown."""

from __future__ import annotations

import pytest

from observe.clients.credentials import GrafanaCredentials, grafana_credentials
from observe.errors import UsageError

URL = "https://grafana.example.com"
KEY, WORDS = "glsa_11", " pass word"
MAKE_ONE = (
    "GRAFANA_TOKEN is not set: make a token of a service account with the role Editor, and set GRAFANA_TOKEN"
    " to it (or set GRAFANA_USER and GRAFANA_PASSWORD)"
)
TAKE_IT_OUT = (
    "GRAFANA_URL holds a user or password: take it out, and set GRAFANA_TOKEN or GRAFANA_USER and GRAFANA_PASSWORD"
)
NOT_AN_ADDRESS = "GRAFANA_URL must be http:// or https:// with a host and perhaps a path, nothing else"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({"GRAFANA_TOKEN": "glsa_11"}, GrafanaCredentials(URL, token=KEY), id="token"),
        pytest.param({"GRAFANA_TOKEN": "glsa_11\n"}, GrafanaCredentials(URL, token=KEY), id="from a file"),
        pytest.param(
            {"GRAFANA_USER": "ada", "GRAFANA_PASSWORD": WORDS},
            GrafanaCredentials(URL, user="ada", password=WORDS),
            id="user",
        ),
        pytest.param(
            {"GRAFANA_TOKEN": "glsa_11", "GRAFANA_USER": "ada", "GRAFANA_PASSWORD": "secret"},
            GrafanaCredentials(URL, token=KEY),
            id="a token wins",
        ),
    ],
)
def test_either_a_token_or_a_user(environ: dict[str, str], expected: GrafanaCredentials) -> None:
    assert grafana_credentials({"GRAFANA_URL": URL, **environ}) == expected


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "GRAFANA_URL is not set: set it to Grafana's address, such as https://grafana.example.com"),
        ({"GRAFANA_URL": URL}, MAKE_ONE),
        ({"GRAFANA_URL": URL, "GRAFANA_TOKEN": " "}, MAKE_ONE),
        (
            {"GRAFANA_URL": URL, "GRAFANA_USER": "ada"},
            "GRAFANA_PASSWORD is not set, though GRAFANA_USER is: set both",
        ),
        (
            {"GRAFANA_URL": URL, "GRAFANA_PASSWORD": "secret"},
            "GRAFANA_USER is not set, though GRAFANA_PASSWORD is: set both",
        ),
        (
            {"GRAFANA_URL": URL, "GRAFANA_TOKEN": "sec ret"},
            "GRAFANA_TOKEN holds blanks, line breaks or letters that no token has: copy it again",
        ),
        (
            {"GRAFANA_URL": "https://ada:secret@grafana.example.com", "GRAFANA_TOKEN": "glsa_11"},
            TAKE_IT_OUT,
        ),
    ],
)
def test_what_is_missing_or_wrong_is_named_and_never_shown(environ: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        grafana_credentials(environ)
    assert str(caught.value) == message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("grafana.example.com", NOT_AN_ADDRESS),
        ("ftp://grafana.example.com", NOT_AN_ADDRESS),
        ("https://", NOT_AN_ADDRESS),
        ("https://grafana.example.com?orgId=1", NOT_AN_ADDRESS),
        ("https://grafana.example.com/#top", NOT_AN_ADDRESS),
        (
            "https://grafana.example.com:port",
            "GRAFANA_URL is not an address: set it to one such as https://grafana.example.com",
        ),
    ],
)
def test_an_address_that_cannot_be_grafanas_is_refused(url: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        GrafanaCredentials(url, token=KEY)
    assert str(caught.value) == message


@pytest.mark.parametrize("url", ["http://127.0.0.1:3000/", "https://example.com/grafana/"])
def test_a_path_and_a_port_are_fine_and_the_last_slash_goes(url: str) -> None:
    assert GrafanaCredentials(url, token=KEY).url == url.rstrip("/")


def test_secrets_are_in_no_repr() -> None:
    shown = repr(GrafanaCredentials(URL, token=KEY, user="ada", password=WORDS))
    assert shown == "GrafanaCredentials(url='https://grafana.example.com', user='ada')"
