"""Istio resources, one module per kind: model in, plain manifests out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.istio.authorization_policy import authorization_policy
from observe.istio.destination_rule import destination_rule
from observe.istio.install import istio_operator
from observe.istio.metadata import Manifest, manifest
from observe.istio.peer_authentication import peer_authentication
from observe.istio.virtual_service import virtual_service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.model import Inventory, Service

__all__ = ["Manifest", "istio_operator", "manifest", "service_manifests"]


def service_manifests(inventory: Inventory, graph: Graph, service: Service) -> Iterator[Manifest]:
    """Everything Istio should know about a service."""
    made = (
        virtual_service(inventory, graph, service),
        destination_rule(inventory, service),
        peer_authentication(inventory, service),
        authorization_policy(inventory, graph, service),
    )
    return (one for one in made if one is not None)
