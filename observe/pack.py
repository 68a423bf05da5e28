"""The composition root of the pure core: an inventory in, a whole pack out."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from observe import alerting, alertmanager, boards, istio, naming, runbooks
from observe.artifact import Artifact, Identity, Kind
from observe.errors import UsageError
from observe.graph import Graph
from observe.provenance import plain
from observe.render import grafana, rules, text
from observe.render.alertmanager import configuration_file
from observe.signals import Catalogue, catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from observe.model import Inventory


@dataclass(frozen=True, slots=True)
class Pack:
    """Everything that follows from one inventory."""

    name: str
    """The mesh's name: it marks what the pack owns."""
    artifacts: tuple[Artifact, ...]
    """Sorted by path; no path twice."""


def build(inventory: Inventory, *, rule_tests: bool = False) -> Pack:
    """The pack of an inventory: same inventory, same bytes. Raises UsageError when two objects would have one name.

    Tests of the rules take many times longer to make than all the rest, so they are made when they are asked for.
    """
    graph, signals = Graph(inventory), catalogue(inventory)
    parts = [_artifacts(inventory, graph, signals)]
    if rule_tests:
        parts.append(_rule_tests(inventory, graph, signals))
    made = sorted(itertools.chain.from_iterable(parts), key=lambda artifact: artifact.path)
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
    drafts = {service.id: tuple(alerting.drafts(graph, signals, service)) for service in inventory.services}
    yield from _rules(inventory, graph, signals, drafts)
    for board in boards.boards(inventory, graph, signals):
        yield _dashboard(inventory, board)
    for path, page in runbooks.runbooks(graph, signals, lambda service: drafts[service.id]):
        yield _file(Kind.RUNBOOK, path, page.encode())


def _rule_tests(inventory: Inventory, graph: Graph, signals: Catalogue) -> Iterator[Artifact]:
    from observe.proofs import RuleTests  # late: few want them, and it is much to load

    for path, document in RuleTests(inventory, graph, signals).files():
        yield _file(Kind.RULE_TEST, path, text.to_yaml(document))


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


def _rules(
    inventory: Inventory, graph: Graph, signals: Catalogue, drafts: Mapping[str, Iterable[alerting.Draft]]
) -> Iterator[Artifact]:
    """PrometheusRules, and the configuration of Alertmanager that follows from what the alerts say."""
    mesh = inventory.mesh
    parts: dict[naming.MeshRules, tuple[alerting.Group, ...]] = {
        "records": alerting.mesh_records(mesh, signals),
        "alerts": alerting.mesh_alerts(mesh, signals),
    }
    for part, groups in parts.items():
        manifest = rules.prometheus_rule(mesh, naming.mesh_rule_object(mesh.name, part), groups, mesh.owner)
        yield _object(naming.mesh_rule_path(part), manifest)
    made = list(parts["alerts"])
    for service in inventory.services:
        if groups := alerting.service_groups(signals, service, drafts[service.id]):
            made += groups
            name = naming.rule_object(service.namespace, service.name)
            manifest = rules.prometheus_rule(mesh, name, groups, service.owner)
            yield _object(naming.rule_path(service.namespace, service.name), manifest)
    alerts = [rule for group in made for rule in group.rules if isinstance(rule, alerting.Alert)]
    configuration = configuration_file(alertmanager.configuration(inventory, graph, alerts))
    yield _file(Kind.ROUTES, naming.ALERTMANAGER_PATH, text.to_yaml(configuration))


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
