"""Gateways that are in each other's way."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about_mesh
from observe.istio.gateways.kubernetes_gateway import MOST_LISTENERS
from observe.naming import WAYPOINT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.model import Gateway, Mesh

CODE = "OBS133"
TITLE = "Gateways conflict"


def find(graph: Graph) -> Iterator[Finding]:
    """Findings about pairs of gateways, and about single ones that Kubernetes or Istio would refuse."""
    mesh = graph.inventory.mesh
    said = [*_pairs(mesh), *_names(mesh), *_too_many_hosts(mesh)]
    for name, key, problem, remedy in said:
        below = ("gateways", name, key) if key else ("gateways", name)
        yield about_mesh(graph.inventory, below, CODE, Severity.ERROR, problem, remedy)


def _pairs(mesh: Mesh) -> Iterator[tuple[str, str, str, str]]:
    """The second of each pair, its key, problem and remedy."""
    for (first, one), (second, other) in itertools.combinations(sorted(mesh.gateways.items()), 2):
        shared = [host for host in other.hosts if host in one.hosts]
        if mesh.routing == "istio" and shared and _same_pods(one, other):
            problem = f"has the gateways {first} and {second} on the same pods, both for {', '.join(shared)} (IST0145)"
            yield second, "hosts", problem, "give each host to one of them, or give them different labels"
        same = (one.namespace, one.labels) == (other.namespace, other.labels)
        if mesh.routing == "istio" and same and one.service_account != other.service_account:
            problem = f"has the gateways {first} and {second} on the same pods, which have one service account"
            yield second, "service_account", problem, "give both the same one, or give them different labels"
        same_secret = (one.namespace, one.secret) == (other.namespace, other.secret)
        if same_secret and one.issuer and other.issuer:
            problem = f"has two certificates for the Secret {one.secret}, those of the gateways {first} and {second}"
            yield second, "secret", problem, "give each its own secret, or leave the issuer to one of them"


def _same_pods(one: Gateway, other: Gateway) -> bool:
    """Whether all labels of one are the other's too. Gateways select pods of every namespace (istio
    `conflictinggateway.go`).
    """
    return one.labels.items() <= other.labels.items() or other.labels.items() <= one.labels.items()


def _names(mesh: Mesh) -> Iterator[tuple[str, str, str, str]]:
    gateway = mesh.gateways.get(WAYPOINT)
    if gateway and mesh.has_waypoint(gateway.namespace):
        problem = f"has a gateway called {WAYPOINT}, as the waypoint of its namespace {gateway.namespace} is"
        yield WAYPOINT, "", problem, "give the gateway another name"


def _too_many_hosts(mesh: Mesh) -> Iterator[tuple[str, str, str, str]]:
    for name, gateway in sorted(mesh.gateways.items()):
        room = MOST_LISTENERS - gateway.redirect
        if mesh.routing == "gateway-api" and len(gateway.hosts) > room:
            problem = f"has {len(gateway.hosts)} hosts at the gateway {name}, and the Gateway API takes {room}"
            yield name, "hosts", problem, "share them among several gateways"
