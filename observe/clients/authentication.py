"""Who a request is from, as objects that `requests` asks, for servers that take a token or a user with a password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from requests.auth import AuthBase, HTTPBasicAuth

if TYPE_CHECKING:
    import requests


def authentication(token: str, user: str, password: str) -> AuthBase:
    """The token where there is one, else the user, else nobody.

    Always an object: where `requests` has none, it looks for the host in a .netrc file, and what it finds there
    replaces a header too.
    """
    if token:
        return _Bearer(token)
    if user:
        # As bytes: as text, requests could not send letters outside of Latin-1.
        return HTTPBasicAuth(user.encode(), password.encode())
    return _Nobody()


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Nobody(AuthBase):
    """No credential, also where a .netrc file has one for this host."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request
