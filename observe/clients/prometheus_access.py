"""Where Prometheus is and who we are there; secrets come from the environment, since others can read a command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from observe.clients.address import SENDABLE, half_set, is_base_address
from observe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN: Final = "PROMETHEUS_TOKEN"  # noqa: S105 - the name of the variable
USER: Final = "PROMETHEUS_USER"
PASSWORD: Final = "PROMETHEUS_PASSWORD"  # noqa: S105 - the name of the variable
TENANT: Final = "PROMETHEUS_TENANT"


@dataclass(frozen=True, slots=True)
class PrometheusAccess:
    """A base address and, where a proxy asks for them, a token or a user with a password. Secrets are in no repr.

    Over plain http they travel unencrypted: use https for anything but the same machine.
    """

    url: str
    token: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    tenant: str = ""
    """Sent as X-Scope-OrgID: which tenant of Mimir or Cortex is asked."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", _checked(self.url))
        for variable, value in ((TOKEN, self.token), (TENANT, self.tenant)):
            if value and not SENDABLE.fullmatch(value):
                raise UsageError(f"{variable} holds blanks, line breaks or letters that a header cannot carry")


def prometheus_access(url: str, environ: Mapping[str, str]) -> PrometheusAccess:
    """The address with what is set of PROMETHEUS_TOKEN, PROMETHEUS_USER, PROMETHEUS_PASSWORD, PROMETHEUS_TENANT.

    Prometheus itself asks for none of them. A token wins over a user. Raises UsageError that names what is wrong,
    and never its content.
    """
    tenant = environ.get(TENANT, "").strip()
    if token := environ.get(TOKEN, "").strip():
        return PrometheusAccess(url, token=token, tenant=tenant)
    user, password = environ.get(USER, ""), environ.get(PASSWORD, "")
    if bool(user) != bool(password):
        raise UsageError(half_set(USER, PASSWORD, user))
    return PrometheusAccess(url, user=user, password=password, tenant=tenant)


def _checked(url: str) -> str:
    """The address without a slash at its end; raises UsageError for one that cannot be Prometheus'."""
    try:
        parts = urlsplit(url.strip())
        usable = is_base_address(parts)
    except ValueError:
        usable = False
        parts = urlsplit("")
    if "@" in parts.netloc:
        raise UsageError(
            f"the address of Prometheus holds a user or password: take it out, and set {TOKEN} or {USER} and {PASSWORD}"
        )
    if not usable:
        raise UsageError(
            "the address of Prometheus must be http:// or https:// with a host and perhaps a path, nothing else,"
            " such as http://localhost:9090"
        )
    return url.strip().rstrip("/")
