"""Grafana's HTTP API, as far as publishing dashboards needs it.

It is the API under `/api`, which Grafana 10 to 13 all serve (13 calls it deprecated, for a time not set).
"""

from __future__ import annotations

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
    from collections.abc import Callable, Sequence

    from observe.clients.backoff import Pace
    from observe.clients.credentials import GrafanaCredentials

PAGE: Final = 5000
"""The most dashboards that Grafana gives on one page of a search."""
FOLDERS: Final = 1000
"""The most folders that it gives on one page."""

TIMEOUTS: Final = (CONNECT_TIMEOUT, READ_TIMEOUT)

Json: TypeAlias = Any
"""What a foreign server sent: nothing is known of it until it is looked at."""


Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Hit:
    """A dashboard as a search shows it."""

    uid: str
    tags: tuple[str, ...]
    folder: str
    """The folder's title; empty for the root."""


@dataclass(frozen=True, slots=True)
class Folder:
    uid: str
    title: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard as it is saved."""

    content: dict[str, Json]
    tags: tuple[str, ...]
    provisioned_by: str
    """The file that Grafana takes it from; empty for one that the API may change."""


class GrafanaClient(Connection):
    """A connection to one Grafana. Safe to share between threads.

    Every method raises Unreachable, Unauthorized, Forbidden, Conflict or Rejected, and no other exception.
    """

    def __init__(self, credentials: GrafanaCredentials, *, workers: int = 8, pace: Pace | None = None) -> None:
        who = credentials.token, credentials.user, credentials.password
        super().__init__(credentials.url, *who, workers=workers, pace=pace)

    def search(self, tag: str, *, page_size: int = PAGE) -> list[Hit]:
        """All dashboards with this tag that we may see; one request per page."""
        hits: list[Hit] = []
        while True:
            page = len(hits) // page_size + 1
            params = {"type": "dash-db", "tag": tag, "limit": str(page_size), "page": str(page)}
            found = self._get("/api/search", "list dashboards", _hits, params)
            hits += found
            if len(found) < page_size:
                return hits

    def folder(self, uid: str) -> Folder | None:
        return self._find(f"/api/folders/{quote(uid)}", "read the folder", _folder)

    def folders(self) -> list[Folder]:
        """The folders at the top."""
        return self._get("/api/folders", "list folders", _folders, {"limit": str(FOLDERS)})

    def create_folder(self, folder: Folder) -> None:
        """Raises Conflict when its uid or title is taken."""
        body = {"uid": folder.uid, "title": folder.title}
        self._send("POST", "/api/folders", f"create the folder {folder.title!r}", body)

    def rename_folder(self, folder: Folder) -> None:
        """Give the folder of this uid this title, whatever it has now."""
        body = {"title": folder.title, "overwrite": True}
        self._send("PUT", f"/api/folders/{quote(folder.uid)}", f"rename the folder to {folder.title!r}", body)

    def dashboard(self, uid: str) -> Dashboard | None:
        return self._find(f"/api/dashboards/uid/{quote(uid)}", f"read the dashboard {uid}", _dashboard)

    def save(self, content: dict[str, Json], folder_uid: str, *, overwrite: bool, message: str) -> None:
        """Save a dashboard; without `overwrite` only one whose uid is free, else Conflict is raised.

        The folder is always named: a save that leaves it out moves the dashboard to the root.
        """
        dashboard = {**content, "id": None}
        body = {"dashboard": dashboard, "folderUid": folder_uid, "overwrite": overwrite, "message": message}
        self._send("POST", "/api/dashboards/db", f"save the dashboard {content.get('uid')}", body)

    def delete(self, uid: str) -> None:
        """Delete a dashboard; one that is gone already is fine."""
        what = f"delete the dashboard {uid}"
        answer = self._request("DELETE", f"/api/dashboards/uid/{quote(uid)}", what)
        if answer.status_code != 404:
            self._accept(answer, what)

    def annotate(self, text: str, tags: Sequence[str]) -> None:
        """Mark the present moment, for all dashboards that show annotations with one of these tags.

        It takes the permission `annotations:create` for annotations of the organization, which Editors have (grafana
        `pkg/api/accesscontrol.go`). If an answer gets lost there may be two marks: they have no name to be known by.
        """
        self._send("POST", "/api/annotations", "mark the publish", {"text": text, "tags": [*tags]})

    def _get(self, path: str, what: str, read: Callable[[Json], Found], params: dict[str, str] | None = None) -> Found:
        return self._read(self._request("GET", path, what, params=params), what, read)

    def _find(self, path: str, what: str, read: Callable[[Json], Found]) -> Found | None:
        """As `_get`; None for a 404."""
        answer = self._request("GET", path, what)
        return None if answer.status_code == 404 else self._read(answer, what, read)

    def _read(self, answer: requests.Response, what: str, read: Callable[[Json], Found]) -> Found:
        self._accept(answer, what)
        try:
            return read(orjson.loads(answer.content))
        except (ValueError, LookupError, TypeError, AttributeError):
            raise errors.Rejected(
                f"what answers at {self.url} is not Grafana's API (it gave no such JSON to {what}): check GRAFANA_URL"
            ) from None

    def _send(self, method: str, path: str, what: str, body: Json) -> None:
        headers = {"Content-Type": "application/json"}
        answer = self._request(method, path, what, data=orjson.dumps(body), headers=headers)
        self._accept(answer, what)

    def _request(self, method: str, path: str, what: str, **options: Any) -> requests.Response:
        """Redirects are not followed: they turn a POST into a GET, and mostly lead to a page for people."""
        try:
            return self._session.request(method, self.url + path, timeout=TIMEOUTS, allow_redirects=False, **options)
        except (requests.RequestException, OSError) as error:
            # Without the chain: the foreign exception holds the request, and so the credential.
            raise errors.Unreachable(f"Grafana at {self.url} does not answer ({what}): {cause(error)}") from None

    def _accept(self, answer: requests.Response, what: str) -> None:
        """Raise our error for anything but a good answer."""
        if not answer.ok or answer.is_redirect:
            self._refuse(answer, what)

    def _refuse(self, answer: requests.Response, what: str) -> NoReturn:
        status, said = answer.status_code, _message(answer)
        if answer.is_redirect:
            place = answer.headers["Location"]
            raise errors.Rejected(
                f"Grafana at {self.url} answers with a redirect to {shorten(place)}: set GRAFANA_URL to the"
                " address of the API itself"
            )
        if status == 401:
            raise errors.Unauthorized(
                f"Grafana at {self.url} does not accept the credential ({said}): set GRAFANA_TOKEN to a valid"
                " service account token (this one may be wrong, expired, revoked, or of another Grafana)"
            )
        if status == 403:
            raise errors.Forbidden(
                f"Grafana at {self.url} does not let us {what} ({said}): give the service account the role"
                " Editor, or a permission for that"
            )
        raise _kind(status, said)(f"Grafana at {self.url} did not {what}: {status} {said}")


def _kind(status: int, said: str) -> type[errors.TargetError]:
    """A taken uid or title is 409 or 412 in some versions, and 400 with a text in others."""
    if status in BUSY:
        return errors.Unreachable
    taken = status in (409, 412) or (status == 400 and "exists" in said)
    return errors.Conflict if taken else errors.Rejected


def _message(answer: requests.Response) -> str:
    """What Grafana says in `message`, or what a proxy before it says, on one line."""
    try:
        said = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        said = None
    text = said.get("message") if isinstance(said, dict) else None
    return shorten(text if isinstance(text, str) and text else answer.text or answer.reason or "no reason given")


def _hits(found: Json) -> list[Hit]:
    return [Hit(hit["uid"], tuple(hit.get("tags") or ()), hit.get("folderTitle") or "") for hit in found]


def _folder(found: Json) -> Folder:
    return Folder(found["uid"], found["title"])


def _folders(found: Json) -> list[Folder]:
    return [_folder(folder) for folder in found]


def _dashboard(found: Json) -> Dashboard:
    content, meta = found["dashboard"], found["meta"]
    source = str(meta.get("provisionedExternalId") or "a file") if meta.get("provisioned") else ""
    return Dashboard(content, tuple(content.get("tags") or ()), source)
