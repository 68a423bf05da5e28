"""The composition root of the pure core: an inventory in, a whole pack out."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from observe import alerting, boards, istio, naming, runbooks
from observe.artifact import Artifact, Identity, Kind
from observe.errors import UsageError
from observe.graph import Graph
from observe.provenance import plain
from observe.render import grafana, rules, text
from observe.signals import Catalogue, catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Inventory


@dataclass(frozen=True, slots=True)
class Pack:
    """Everything that follows from one inventory."""

    name: str
    """The mesh's name: it marks what the pack owns."""
    artifacts: tuple[Artifact, ...]
    """Sorted by path; no path twice."""


def build(inventory: Inventory) -> Pack:
    """The pack of an inventory: same inventory, same bytes. Raises UsageError when two objects would have one name."""
    made = sorted(_artifacts(inventory, Graph(inventory), catalogue(inventory)), key=lambda artifact: artifact.path)
    _refuse_doubles(made)
    return Pack(inventory.mesh.name, tuple(made))


def _refuse_doubles(made: list[Artifact]) -> None:
    """A service may be called like something that is generated: `default-deny`, or another one's `web-dry-run`."""
    counts = Counter(artifact.identity for artifact in made if artifact.identity)
    twice = [identity for identity, count in counts.items() if count > 1]
    if twice:
        raise UsageError(f"two objects of the pack would be {twice[0]}; give the service of that name another one")


def _artifacts(inventory: Inventory, graph: Graph, signals: Catalogue) -> Iterator[Artifact]:
    for path, manifest in manifests(inventory, graph):
        yield _object(path, plain(manifest))
    for path, document in istio.installation(inventory):
        yield _file(Kind.INSTALL, path, text.to_yaml(plain(document)))
    yield from _rules(inventory, signals)
    yield from _dashboards(inventory, graph, signals)
    for alert in runbooks.PAGES:
        page = runbooks.runbook(inventory, signals, alert)
        yield _file(Kind.RUNBOOK, naming.runbook_path(alert), page.encode())


def documents(inventory: Inventory, graph: Graph) -> Iterator[tuple[str, Any]]:
    """All files of the pack whose values carry their origins, with their paths."""
    yield from manifests(inventory, graph)
    yield from istio.installation(inventory)


def manifests(inventory: Inventory, graph: Graph) -> Iterator[tuple[str, istio.Manifest]]:
    """The Istio objects of an inventory with their paths in the pack, values with their origins."""
    whole = [istio.mesh_manifests(inventory)]
    namespaces = sorted({service.namespace for service in inventory.services} | set(inventory.mesh.namespaces))
    whole += [istio.namespace_manifests(inventory, namespace) for namespace in namespaces]
    for manifest in itertools.chain.from_iterable(whole):
        kind, metadata = manifest["kind"], manifest["metadata"]
        yield naming.namespace_manifest_path(metadata["namespace"], kind, metadata["name"]), manifest
    for service in inventory.services:
        for manifest in istio.service_manifests(inventory, graph, service):
            kind, name = manifest["kind"], manifest["metadata"]["name"]
            yield naming.service_manifest_path(service.namespace, service.name, kind, name), manifest


def _rules(inventory: Inventory, signals: Catalogue) -> Iterator[Artifact]:
    mesh = inventory.mesh
    records = (alerting.mesh_records(mesh, signals),)
    yield _object(naming.MESH_RULE_PATH, rules.prometheus_rule(mesh, naming.mesh_rule_object(mesh.name), records))
    for service in inventory.services:
        group = alerting.service_alerts(mesh, signals, service)
        name = naming.rule_object(service.namespace, service.name)
        manifest = rules.prometheus_rule(mesh, name, (group,), service.owner)
        yield _object(naming.rule_path(service.namespace, service.name), manifest)


def _dashboards(inventory: Inventory, graph: Graph, signals: Catalogue) -> Iterator[Artifact]:
    yield _dashboard(inventory, boards.overview(inventory, signals))
    yield _dashboard(inventory, boards.mtls_board(inventory, signals))
    for service in inventory.services:
        yield _dashboard(inventory, boards.service_board(inventory, graph, signals, service))


def _dashboard(inventory: Inventory, board: boards.Board) -> Artifact:
    content, digest = grafana.render(board, inventory.mesh)
    identity = Identity("grafana", "Dashboard", inventory.mesh.grafana.folder, board.uid)
    return Artifact(Kind.DASHBOARD, naming.dashboard_path(board.uid), content, digest, identity)


def _object(path: str, manifest: dict[str, Any]) -> Artifact:
    """A Kubernetes object, with the hash of what it says in its annotations."""
    digest = naming.digest(text.canonical(manifest))
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), naming.ANNOTATION_HASH: digest}
    stamped = {**manifest, "metadata": {**metadata, "annotations": annotations}}
    identity = Identity(manifest["apiVersion"], manifest["kind"], metadata["namespace"], metadata["name"])
    return Artifact(Kind.MANIFEST, path, text.to_yaml(stamped), digest, identity)


def _file(kind: Kind, path: str, content: bytes) -> Artifact:
    return Artifact(kind, path, content, naming.digest(content))
