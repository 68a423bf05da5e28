"""Where Grafana is and who we are there, from the environment: others can read a command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from observe.clients.address import SENDABLE, half_set, is_base_address
from observe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

URL: Final = "GRAFANA_URL"
TOKEN: Final = "GRAFANA_TOKEN"  # noqa: S105 - the name of the variable
USER: Final = "GRAFANA_USER"
PASSWORD: Final = "GRAFANA_PASSWORD"  # noqa: S105 - the name of the variable


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
        if self.token and not SENDABLE.fullmatch(self.token):
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
        return half_set(USER, PASSWORD, user)
    return (
        f"{TOKEN} is not set: make a token of a service account with the role Editor, and set {TOKEN} to it"
        f" (or set {USER} and {PASSWORD})"
    )


def _checked(url: str) -> str:
    """The address without a slash at its end; raises UsageError for one that cannot be Grafana's."""
    try:
        parts = urlsplit(url)
        usable = is_base_address(parts)
    except ValueError:
        raise UsageError(f"{URL} is not an address: set it to one such as https://grafana.example.com") from None
    if "@" in parts.netloc:
        raise UsageError(f"{URL} holds a user or password: take it out, and set {TOKEN} or {USER} and {PASSWORD}")
    if not usable:
        raise UsageError(f"{URL} must be http:// or https:// with a host and perhaps a path, nothing else")
    return url.rstrip("/")
