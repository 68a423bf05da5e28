"""Dashboards in Grafana: one search tells what is there, by the tags that every dashboard carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from observe import naming
from observe.artifact import Artifact, Kind
from observe.clients.grafana import Dashboard, Folder, Hit
from observe.errors import Conflict, Forbidden, Rejected
from observe.publish.identity import identity
from observe.publish.target import Independent, Key, Remote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from observe.clients.grafana import GrafanaClient

KIND: Final = "Dashboard"
WORKERS: Final = 4
"""Grafana's default database, SQLite, writes one dashboard at a time and refuses others meanwhile."""
SERVERS_OWN: Final = ("id", "version")
"""What Grafana counts itself in every dashboard."""


class GrafanaTarget(Independent):
    """The dashboards of one mesh, in one folder."""

    name = "Grafana"
    workers = WORKERS

    def __init__(self, client: GrafanaClient, *, mesh: str, folder: str) -> None:
        """`mesh` is the pack's name, `folder` the title of the folder that the dashboards belong in."""
        self._client = client
        self._tag = naming.pack_tag(mesh)
        self._folder = Folder(naming.folder_uid(mesh), folder)

    def wants(self, artifact: Artifact) -> bool:
        return artifact.kind is Kind.DASHBOARD

    def key(self, artifact: Artifact) -> Key:
        return Key(KIND, "", identity(artifact).name)

    def difference(self, artifact: Artifact, remote: Remote) -> str:
        if remote.digest != artifact.digest:
            return "its content changed"
        if remote.place != self._folder.title:
            return f"it lies in the folder {remote.place or 'General'!r} instead of {self._folder.title!r}"
        return ""

    def list(self, artifacts: Sequence[Artifact]) -> Mapping[Key, Remote]:  # noqa: ARG002 - the tag finds all
        """Our dashboards. A foreign one of the same uid has no such tag: creating ours meets it."""
        return self.owned()

    def owned(self) -> Mapping[Key, Remote]:
        return {remote.key: remote for remote in map(_remote, self._client.search(self._tag))}

    def begin(self, artifacts: Sequence[Artifact]) -> None:
        """Make sure of the folder, once something has to be saved."""
        if artifacts:
            self._folder = self._ensured(self._folder)

    def create(self, artifact: Artifact) -> None:
        """Save a new dashboard.

        One that is there already and ours is brought up to date: newer versions search with a delay, and a
        repeated request may find what the first one did.
        """
        try:
            self._save(artifact, overwrite=False)
        except Conflict as error:
            live = self._client.dashboard(identity(artifact).name)
            if live is None:
                raise
            self._claim(artifact, live, error)

    def _claim(self, artifact: Artifact, live: Dashboard, error: Conflict) -> None:
        uid = identity(artifact).name
        if self._tag not in live.tags:
            raise Conflict(
                f"a dashboard with the uid {uid} is there and not ours (it has no tag {self._tag}):"
                " delete it, or give it that tag to hand it over"
            ) from error
        if naming.hash_of_tags([*live.tags]) != artifact.digest:
            self._save(artifact, overwrite=True)

    def update(self, artifact: Artifact, remote: Remote) -> None:  # noqa: ARG002 - Grafana finds it by its uid
        self._save(artifact, overwrite=True)

    def _save(self, artifact: Artifact, *, overwrite: bool) -> None:
        content: dict[str, Any] = orjson.loads(artifact.content)
        message = f"{naming.TOOL}: content {artifact.digest}"
        try:
            self._client.save(content, self._folder.uid, overwrite=overwrite, message=message)
        except Conflict:
            raise
        except Rejected as error:
            raise self._explained(identity(artifact).name, error) from None

    def _explained(self, uid: str, error: Rejected) -> Rejected:
        """A dashboard from a file is refused with a bare "Cannot save provisioned dashboard"."""
        live = self._client.dashboard(uid)
        if live is None or not live.provisioned_by:
            return error
        return Rejected(
            f"the dashboard {uid} is provisioned from {live.provisioned_by}: Grafana takes it from there"
            " alone; take the file away there, or publish to that folder of files instead"
        )

    def delete(self, remote: Remote) -> None:
        self._client.delete(remote.key.name)

    def finish(self, present: Sequence[Artifact], removed: Sequence[Key]) -> None:
        """Nothing is left to do: the folder stays, also an empty one."""

    def announce(self, text: str) -> None:
        """Mark the moment in every graph that shows annotations with the pack's tag."""
        self._client.annotate(text, (naming.TAG_TOOL, self._tag))

    def read(self, key: Key) -> str | None:
        live = self._client.dashboard(key.name)
        return None if live is None else canonical(live.content)

    def preview(self, artifact: Artifact, remote: Remote | None) -> str:  # noqa: ARG002 - saving replaces all
        return canonical(orjson.loads(artifact.content))

    def close(self) -> None:
        self._client.close()

    def _ensured(self, wanted: Folder) -> Folder:
        """The folder by its uid, else by its title, else a new one."""
        live = self._readable(wanted.uid)
        if live is None:
            return self._created(wanted)
        if live.title != wanted.title:
            self._client.rename_folder(wanted)
        return wanted

    def _readable(self, uid: str) -> Folder | None:
        """The folder, when it is there and open to us.

        To an Editor who asks for one that is not there Grafana 10 answers 403: no permission names it.
        """
        try:
            return self._client.folder(uid)
        except Forbidden:
            return None

    def _created(self, wanted: Folder) -> Folder:
        try:
            self._client.create_folder(wanted)
        except Conflict:
            return self._same_titled(wanted)
        except Forbidden as error:
            raise Forbidden(
                f"{error}; or create the folder {wanted.title!r} yourself: any folder of that title is used"
            ) from None
        return wanted

    def _same_titled(self, wanted: Folder) -> Folder:
        """The folder that has the title already, whatever its uid."""
        found = next((folder for folder in self._client.folders() if folder.title == wanted.title), None)
        if found is None:
            raise Conflict(
                f"Grafana holds neither a folder {wanted.title!r} that we may see nor lets us create it:"
                " give the service account access to it, or name another folder in the inventory"
            )
        return found


def canonical(dashboard: Mapping[str, Any]) -> str:
    """A dashboard as text to compare: sorted, without what Grafana counts itself."""
    content = {key: value for key, value in dashboard.items() if key not in SERVERS_OWN}
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


def _remote(hit: Hit) -> Remote:
    digest = naming.hash_of_tags([*hit.tags]) or ""
    return Remote(Key(KIND, "", hit.uid), digest, place=hit.folder)
