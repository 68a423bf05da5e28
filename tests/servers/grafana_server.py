"""A real Grafana, its HTTP API only: there are no web pages in it, and its data is thrown away.

It is 10.0.0-preview, the newest that can be built from the Go module proxy. Where newer versions behave
otherwise, a test that passes here says nothing about them.
"""

from __future__ import annotations

import itertools
import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import yaml
from requests.auth import AuthBase

from tests.servers.install import SERVERS
from tests.servers.processes import (
    LOOPBACK,
    ServerError,
    accepted,
    answers,
    free_port,
    local_session,
    running,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType

    import requests

Role: TypeAlias = Literal["Viewer", "Editor", "Admin"]
ADMIN = ("admin", "admin-password")
RACE = "UNIQUE constraint failed: org.id"
"""Two parts of a Grafana that starts anew each create the first organization, and now and then the slower one ends
the server; at the next start it is there."""
ALL = 5000
"""More than any test makes, and the most that a search gives on one page."""
FOLDERS = f"/api/folders?limit={ALL}"


class GrafanaServer:
    """Grafana while the block runs, all files in `folder`; `limit` is in seconds.

    The JSON files in `provisioned` become dashboards, in a folder "Provisioned", that the API cannot change; unless
    there is a folder `provisioning`, which then says itself what becomes of them. `settings` are further `GF_...`
    variables.
    """

    def __init__(
        self,
        folder: Path,
        *,
        provisioned: Path | None = None,
        provisioning: Path | None = None,
        settings: Mapping[str, str] | None = None,
        limit: float = 120,
    ) -> None:
        self.folder = folder
        self.provisioned = provisioned
        self.provisioning = provisioning
        self.settings = dict(settings or {})
        self.limit = limit
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.admin = local_session()
        """A session with the rights of the server's administrator; paths are to be prefixed with `url`."""
        self.admin.auth = ADMIN
        self._kept: frozenset[str] = frozenset()
        self._numbers = itertools.count(1)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.admin)
            self._provision()
            try:
                stack.enter_context(self._running())
            except ServerError as error:
                if RACE not in str(error):
                    raise
                stack.enter_context(self._running())
            wait_until(self._provisioning_done, "all provisioned dashboards there", self.limit)
            self._kept = frozenset(self._contents())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _running(self) -> AbstractContextManager[object]:
        installed = SERVERS["grafana"].folder()
        argv: list[str | Path] = [installed / "bin" / "grafana", "server", "--homepath", installed / "home"]
        log = self.folder / "grafana.log"
        return running(argv, log, self._ready, env=self._settings(), limit=self.limit)

    def request(self, method: str, path: str, *, token: str | None = None, **options: Any) -> requests.Response:
        """A request as the administrator, or as the bearer of `token`; `options` as in `requests.request`."""
        options.setdefault("timeout", 30)
        if token is not None:
            options["auth"] = BearerToken(token)
        return self.admin.request(method, self.url + path, **options)

    def token(self, role: Role) -> str:
        """A token of a new service account with this role."""
        name = f"{role} {next(self._numbers)}"
        account = self._create("/api/serviceaccounts", {"name": name, "role": role})
        return str(self._create(f"/api/serviceaccounts/{account['id']}/tokens", {"name": name})["key"])

    def dashboards(self) -> list[dict[str, Any]]:
        """All dashboards as the search lists them, the provisioned ones too; folders are not among them."""
        return list(self._get(f"/api/search?type=dash-db&limit={ALL}"))

    def reset(self) -> None:
        """Back to what was there after the start: delete what was made since, and with it all tokens.

        This covers dashboards, folders and what they hold, data sources and service accounts, in the one
        organisation that all clients use. An organisation for each test would isolate as well, but what is
        provisioned from files is in the first one only.
        """
        for path in self._contents():
            if path not in self._kept:
                accepted(self.request("DELETE", path))

    def _contents(self) -> list[str]:
        """The paths of everything that `reset` knows of, in an order in which it can be deleted."""
        accounts = self._get(f"/api/serviceaccounts/search?perpage={ALL}")["serviceAccounts"]
        return [
            *(f"/api/dashboards/uid/{dashboard['uid']}" for dashboard in self.dashboards()),
            *(f"/api/folders/{folder['uid']}?forceDeleteRules=true" for folder in self._get(FOLDERS)),
            *(f"/api/datasources/uid/{source['uid']}" for source in self._get("/api/datasources")),
            *(f"/api/serviceaccounts/{account['id']}" for account in accounts),
        ]

    def _provision(self) -> None:
        """Tell Grafana of the folder `provisioned`; one that a user cannot save to is Grafana's default."""
        if self.provisioning is not None:
            shutil.copytree(self.provisioning, self.folder / "provisioning")
            return
        target = self.folder / "provisioning" / "dashboards"
        target.mkdir(parents=True)
        if self.provisioned is not None:
            path = str(self.provisioned.resolve())
            provider = {"name": "files", "folder": "Provisioned", "type": "file", "options": {"path": path}}
            (target / "files.yaml").write_text(yaml.safe_dump({"apiVersion": 1, "providers": [provider]}))

    def _provisioning_done(self) -> bool:
        files = list(self.provisioned.rglob("*.json")) if self.provisioned is not None else []
        return len(self.dashboards()) == len(files)

    def _settings(self) -> dict[str, str]:
        """Loopback only, no calls home, and wrong passwords at will: else the fifth locks the user out."""
        folders = ("data", "logs", "plugins", "provisioning")
        return {
            **{f"GF_PATHS_{name.upper()}": str(self.folder / name) for name in folders},
            "GF_SERVER_HTTP_ADDR": LOOPBACK,
            "GF_SERVER_HTTP_PORT": str(self.port),
            "GF_SERVER_ROOT_URL": f"{self.url}/",
            "GF_SECURITY_ADMIN_USER": ADMIN[0],
            "GF_SECURITY_ADMIN_PASSWORD": ADMIN[1],
            "GF_SECURITY_DISABLE_BRUTE_FORCE_LOGIN_PROTECTION": "true",
            "GF_SECURITY_DISABLE_GRAVATAR": "true",
            "GF_ANALYTICS_REPORTING_ENABLED": "false",
            "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
            "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
            "GF_NEWS_NEWS_FEED_ENABLED": "false",
            "GF_SNAPSHOTS_EXTERNAL_ENABLED": "false",
            "GF_LOG_MODE": "console",
            "GF_LOG_LEVEL": "warn",
            **self.settings,
        }

    def _ready(self) -> bool:
        return answers(self.admin, f"{self.url}/api/health")

    def _get(self, path: str) -> Any:
        return accepted(self.request("GET", path)).json()

    def _create(self, path: str, content: dict[str, str]) -> Any:
        return accepted(self.request("POST", path, json=content)).json()


class BearerToken(AuthBase):
    """Sends a token in place of the session's own user and password; a plain header would lose to these."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request
