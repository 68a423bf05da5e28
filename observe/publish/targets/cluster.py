"""Kubernetes objects in a cluster, by server-side apply: one listing per kind tells what is there."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import yaml

from observe import naming
from observe.artifact import Artifact, Kind
from observe.clients.kube_refusal import UnknownKind
from observe.clients.kube_resource import ObjectName, Resource
from observe.errors import Forbidden
from observe.publish.identity import identity
from observe.publish.target import Key, Remote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from observe.clients.kubernetes import KubernetesClient, Manifest, Metadata

WORKERS: Final = 16
NETWORKING, SECURITY = "networking.istio.io/v1", "security.istio.io/v1"
PHASES: Final = {
    "PeerAuthentication": 0,
    "DestinationRule": 1,
    "VirtualService": 2,
    "AuthorizationPolicy": 3,
    "PrometheusRule": 4,
}
"""Make before break: a subset must be there before a route names it (Istio, "Traffic Management
Best Practices"). Other kinds come first: nothing of the pack refers to what they build on."""
KINDS: Final = (
    Resource(SECURITY, "PeerAuthentication"),
    Resource(NETWORKING, "DestinationRule"),
    Resource(NETWORKING, "VirtualService"),
    Resource(SECURITY, "AuthorizationPolicy"),
    Resource("monitoring.coreos.com/v1", "PrometheusRule"),
    Resource(NETWORKING, "Sidecar"),
    Resource("telemetry.istio.io/v1", "Telemetry"),
)
"""Every kind that a pack may hold, so that what is left of a kind that it no longer holds is found too.

A server serves an object in every version of its kind: it must not be listed in two of them."""
SERVERS_OWN: Final = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp")
"""What the server keeps in every object's metadata."""

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class ClusterTarget:
    """The Kubernetes objects of one mesh."""

    name = "cluster"
    workers = WORKERS

    def __init__(
        self, client: KubernetesClient, *, mesh: str, dry_run: bool = False, force_conflicts: bool = False
    ) -> None:
        """`mesh` is the pack's name. With `dry_run` the server checks everything and stores nothing.

        With `force_conflicts` fields of our objects that somebody else has set are taken over.
        """
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
        return PHASES.get(key.kind, -1)

    def list(self, artifacts: Sequence[Artifact]) -> Mapping[Key, Remote]:
        """Our objects, and foreign ones with the name of one of ours; a request per kind and 500 objects."""
        wanted = {self.key(artifact) for artifact in artifacts if self.wants(artifact)}
        held = {Resource(key.api_version, key.kind) for key in wanted}
        names = {resource.full_name for resource in held}
        found = itertools.chain(
            *(self._held(resource, wanted) for resource in sorted(held)),
            *(self._left_over(resource) for resource in KINDS if resource.full_name not in names),
        )
        return {remote.key: remote for remote in found if remote.owned or remote.key in wanted}

    def _held(self, resource: Resource, wanted: Iterable[Key]) -> Iterator[Remote]:
        """All objects of a kind, ours or not: one that is not ours must be known, to be left alone.

        Who may not list the whole cluster lists the namespaces that the pack needs.
        """
        try:
            found = self._client.list_metadata(resource)
        except Forbidden:
            namespaces = {key.namespace for key in wanted if _resource(key) == resource}
            lists = (self._client.list_metadata(resource, namespace=one) for one in sorted(namespaces))
            found = [*itertools.chain.from_iterable(lists)]
        return (self._remote(resource, one) for one in found)

    def _left_over(self, resource: Resource) -> Iterator[Remote]:
        """Our objects of a kind that the pack does not hold; none where it is unknown or closed to us."""
        selector = ",".join(f"{label}={value}" for label, value in naming.labels(self._mesh).items())
        try:
            found = self._client.list_metadata(resource, selector=selector)
        except (Forbidden, UnknownKind):
            found = []
        return (self._remote(resource, one) for one in found)

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

    def read(self, key: Key) -> str | None:
        live = self._client.get(_object(key))
        return None if live is None else canonical(live)

    def preview(self, artifact: Artifact, remote: Remote | None) -> str:
        """The server's answer to a dry run; for a new object the manifest: its namespace may not be there."""
        if remote is None:
            return canonical(_parsed(artifact))
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
    text: str = yaml.dump(content, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=1000)
    return text


def _resource(key: Key) -> Resource:
    return Resource(key.api_version, key.kind)


def _object(key: Key) -> ObjectName:
    return ObjectName(_resource(key), key.namespace, key.name)


def _parsed(artifact: Artifact) -> Manifest:
    manifest: Manifest = yaml.load(artifact.content, Loader=_Loader)  # noqa: S506 - both are safe loaders
    return manifest
