"""Kubernetes objects in a cluster, by server-side apply: one listing per kind tells what is there."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import yaml

from observe import naming
from observe.artifact import Artifact, Kind
from observe.clients.kube_refusal import UnknownKind
from observe.clients.kube_resource import ObjectName, Resource
from observe.errors import Forbidden
from observe.publish.identity import identity
from observe.publish.target import Key, Remote
from observe.publish.targets import kinds, subsets
from observe.render import block_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from observe.clients.kubernetes import KubernetesClient, Manifest, Metadata

WORKERS: Final = 16
SERVERS_OWN: Final = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp")
"""What the server keeps in every object's metadata."""


class ClusterTarget:
    """The Kubernetes objects of one mesh."""

    name = "cluster"

    def __init__(
        self,
        client: KubernetesClient,
        *,
        mesh: str,
        dry_run: bool = False,
        force_conflicts: bool = False,
        workers: int = WORKERS,
    ) -> None:
        """`mesh` is the pack's name. With `dry_run` the server checks everything and stores nothing.

        With `force_conflicts` fields of our objects that somebody else has set are taken over.
        """
        self.workers = workers
        self._client = client
        self._mesh = mesh
        self._dry_run = dry_run
        self._force = force_conflicts

    def wants(self, artifact: Artifact) -> bool:
        return artifact.kind is Kind.MANIFEST

    def key(self, artifact: Artifact) -> Key:
        known = identity(artifact)
        return Key(known.kind, known.namespace, known.name, known.api_version)

    def difference(self, artifact: Artifact, remote: Remote) -> str:
        return "" if remote.digest == artifact.digest else "its content changed"

    def phase(self, key: Key) -> int:
        return kinds.phase(key)

    def parts(self, artifact: Artifact) -> Mapping[str, Any]:
        return subsets.declared(artifact)

    def keeping(self, artifact: Artifact, parts: Mapping[str, Any]) -> Artifact:
        return subsets.keeping(artifact, parts)

    def list(self, artifacts: Sequence[Artifact]) -> Mapping[Key, Remote]:
        """Our objects, and foreign ones with the name of one of ours.

        A request per kind and 500 objects, and one more for each DestinationRule with subsets that is to change.
        """
        wanted = {self.key(artifact): artifact.digest for artifact in artifacts if self.wants(artifact)}
        held = {_resource(key) for key in wanted}
        names = {resource.full_name for resource in held}
        asked = [
            *(partial(self._held, resource, wanted) for resource in sorted(held)),
            *(partial(self._left_over, resource) for resource in kinds.KINDS if resource.full_name not in names),
        ]
        with ThreadPoolExecutor(self.workers, thread_name_prefix="list") as pool:
            lists = pool.map(lambda ask: ask(), asked)
            found = (remote for remote in itertools.chain.from_iterable(lists) if remote.owned or remote.key in wanted)
            known = {remote.key: remote for remote in found}
            changed = [known[key] for key, digest in wanted.items() if _unread(known.get(key), digest)]
            return known | {remote.key: remote for remote in pool.map(self._read_parts, changed)}

    def owned(self) -> Mapping[Key, Remote]:
        """Our objects of all kinds."""
        with ThreadPoolExecutor(self.workers, thread_name_prefix="list") as pool:
            lists = pool.map(self._ours, kinds.KINDS)
            return {remote.key: remote for remote in itertools.chain.from_iterable(lists)}

    def _held(self, resource: Resource, wanted: Iterable[Key]) -> Sequence[Remote]:
        """All objects of a kind, ours or not: one that is not ours must be known, to be left alone.

        None where the kind is unknown: applying then says so for each. Who may not list the whole cluster lists the
        namespaces that the pack needs. So does everybody for ConfigMaps, of which a cluster is full, besides ours.
        """
        try:
            if resource == kinds.CONFIG_MAP:
                return [*self._left_over(resource), *self._inside(resource, wanted)]
            return [self._remote(resource, one) for one in self._client.list_metadata(resource)]
        except Forbidden:
            return self._inside(resource, wanted)
        except UnknownKind:
            return []

    def _inside(self, resource: Resource, wanted: Iterable[Key]) -> Sequence[Remote]:
        """All objects of a kind in the namespaces that the pack needs."""
        namespaces = sorted({key.namespace for key in wanted if _resource(key) == resource})
        lists = (self._client.list_metadata(resource, namespace=namespace) for namespace in namespaces)
        return [self._remote(resource, one) for one in itertools.chain.from_iterable(lists)]

    def _left_over(self, resource: Resource) -> Sequence[Remote]:
        """Our objects of a kind that the pack does not hold; none where it is closed to us."""
        try:
            return self._ours(resource)
        except Forbidden:
            return []

    def _ours(self, resource: Resource) -> Sequence[Remote]:
        """Our objects of a kind; none where the kind is unknown."""
        selector = ",".join(f"{label}={value}" for label, value in naming.labels(self._mesh).items())
        try:
            found = self._client.list_metadata(resource, selector=selector)
        except UnknownKind:
            found = []
        return [self._remote(resource, one) for one in found]

    def _read_parts(self, remote: Remote) -> Remote:
        live = self._client.get(_object(remote.key))
        return replace(remote, parts=subsets.subsets(live or {}))

    def begin(self, artifacts: Sequence[Artifact]) -> None:
        """Nothing to prepare: namespaces belong to those who own the services."""

    def create(self, artifact: Artifact) -> None:
        self._apply(artifact, dry_run=self._dry_run)

    def update(self, artifact: Artifact, remote: Remote) -> None:  # noqa: ARG002 - the server merges by name
        self._apply(artifact, dry_run=self._dry_run)

    def _apply(self, artifact: Artifact, *, dry_run: bool) -> Manifest:
        """Send the file as it is: reading 1,000 manifests here to send them as JSON made it all slower."""
        name = _object(self.key(artifact))
        return self._client.apply(name, artifact.content, force=self._force, dry_run=dry_run)

    def delete(self, remote: Remote) -> None:
        """Delete the very object that was listed, and none that took its name since."""
        self._client.delete(_object(remote.key), uid=remote.uid, revision=remote.revision, dry_run=self._dry_run)

    def finish(self, present: Sequence[Artifact], removed: Sequence[Key]) -> None:
        """Nothing is left to do."""

    def announce(self, text: str) -> None:
        """Nobody is told: who watches the objects sees them change."""

    def read(self, key: Key) -> str | None:
        live = self._client.get(_object(key))
        return None if live is None else canonical(live)

    def preview(self, artifact: Artifact, remote: Remote | None) -> str:
        """The server's answer to a dry run; for a new object the manifest: its namespace may not be there."""
        if remote is None:
            return canonical(subsets.parsed(artifact))
        return canonical(self._apply(artifact, dry_run=True))

    def close(self) -> None:
        self._client.close()

    def _remote(self, resource: Resource, found: Metadata) -> Remote:
        return Remote(
            key=Key(resource.kind, found.namespace, found.name, resource.api_version),
            digest=found.annotations.get(naming.ANNOTATION_HASH, ""),
            foreign=self._foreign(found.labels),
            uid=found.uid,
            revision=found.revision,
            expires=found.annotations.get(naming.ANNOTATION_EXPIRES, ""),
            parts=None if resource.kind == subsets.KIND and _may_set(found, subsets.FIELD) else {},
        )

    def _foreign(self, labels: Mapping[str, str]) -> str:
        """Why an object with these labels is not ours; empty when it is."""
        manager, part_of = labels.get(naming.LABEL_MANAGED_BY), labels.get(naming.LABEL_PART_OF)
        if manager == naming.TOOL and part_of == self._mesh:
            return ""
        if manager == naming.TOOL:
            return f"it belongs to the pack {part_of!r}"
        return f"it is managed by {manager}" if manager else "it is there and was not published by us"


def canonical(manifest: Manifest) -> str:
    """An object as YAML to compare: sorted, without its status and what the server keeps in its metadata."""
    metadata = {key: value for key, value in manifest.get("metadata", {}).items() if key not in SERVERS_OWN}
    content = {**manifest, "metadata": metadata}
    content.pop("status", None)
    text: str = yaml.dump(content, Dumper=block_yaml.Dumper, sort_keys=True, allow_unicode=True, width=1000)
    return text


def _unread(remote: Remote | None, wanted: str) -> bool:
    """Whether an object is to change, and there are parts of it that nobody has read."""
    return remote is not None and remote.owned and remote.digest != wanted and remote.parts is None


def _may_set(found: Metadata, field: str) -> bool:
    """Whether a field of the spec may be set: surely not when there is a record without it."""
    return field in found.fields or not found.fields


def _resource(key: Key) -> Resource:
    return Resource(key.api_version, key.kind)


def _object(key: Key) -> ObjectName:
    return ObjectName(_resource(key), key.namespace, key.name)
