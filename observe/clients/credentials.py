"""Where Grafana is and who we are there, from the environment: others can read a command line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from observe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

URL: Final = "GRAFANA_URL"
TOKEN: Final = "GRAFANA_TOKEN"  # noqa: S105 - the name of the variable
USER: Final = "GRAFANA_USER"
PASSWORD: Final = "GRAFANA_PASSWORD"  # noqa: S105 - the name of the variable

_SENDABLE: Final = re.compile(r"[\x21-\x7e]+")
"""What a token may consist of to be sent in a header; the HTTP library would quote others in its errors."""


@dataclass(frozen=True, slots=True)
class GrafanaCredentials:
    """A base address and either a token or a user with a password. The secrets are in no repr.

    Over plain http they travel unencrypted: use https for anything but the same machine.
    """

    url: str
    token: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", _checked(self.url))
        if self.token and not _SENDABLE.fullmatch(self.token):
            raise UsageError(f"{TOKEN} holds blanks, line breaks or letters that no token has: copy it again")


def grafana_credentials(environ: Mapping[str, str]) -> GrafanaCredentials:
    """The credentials in GRAFANA_URL and GRAFANA_TOKEN, or GRAFANA_USER and GRAFANA_PASSWORD.

    A token wins over a user. Raises UsageError that names what is missing or wrong, and never its content.
    """
    url = environ.get(URL, "").strip()
    if not url:
        raise UsageError(f"{URL} is not set: set it to Grafana's address, such as https://grafana.example.com")
    if token := environ.get(TOKEN, "").strip():
        return GrafanaCredentials(url, token=token)
    user, password = environ.get(USER, ""), environ.get(PASSWORD, "")
    if user and password:
        return GrafanaCredentials(url, user=user, password=password)
    raise UsageError(_missing(user, password))


def _missing(user: str, password: str) -> str:
    if user or password:
        return f"{PASSWORD if user else USER} is not set, though {USER if user else PASSWORD} is: set both"
    return (
        f"{TOKEN} is not set: make a token of a service account with the role Editor, and set {TOKEN} to it"
        f" (or set {USER} and {PASSWORD})"
    )


def _checked(url: str) -> str:
    """The address without a slash at its end; raises UsageError for one that cannot be Grafana's."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise UsageError(f"{URL} is not an address: set it to one such as https://grafana.example.com") from None
    if "@" in parts.netloc:
        raise UsageError(f"{URL} holds a user or password: take it out, and set {TOKEN} or {USER} and {PASSWORD}")
    if not usable or parts.query or parts.fragment:
        raise UsageError(f"{URL} must be http:// or https:// with a host and perhaps a path, nothing else")
    return url.rstrip("/")
