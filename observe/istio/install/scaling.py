"""How many pods Istio's own Deployments have, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from observe.provenance import Origin, Sourced, of_mesh

if TYPE_CHECKING:
    from observe.istio.metadata import Manifest
    from observe.model import Mesh

LEAST_MOST: Final = 5
"""Istio's default for the most pods of an autoscaler."""


def declared_or(
    mesh: Mesh, field: Literal["control_plane_replicas", "gateway_replicas"], number: int, origin: Origin
) -> Sourced[int]:
    """The pods that the inventory wants at least, or else those that are worked out."""
    own: int | None = getattr(mesh.installation, field)
    return Sourced(number, origin) if own is None else Sourced(own, of_mesh("installation", field))


def bounds(least: str, most: str, replicas: Sourced[int]) -> Manifest:
    """The bounds of an autoscaler, by the names that a chart has for them."""
    room = Origin("room to grow: twice the fewest, and no less than Istio's default", replicas.origin.path)
    return {least: replicas, most: Sourced(max(LEAST_MOST, 2 * replicas.value), room)}


def apart(app: str) -> Manifest:
    """An affinity that keeps the pods labelled `app` on different nodes where it can."""
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": "kubernetes.io/hostname"}
    wish = [{"weight": 100, "podAffinityTerm": term}]
    origin = Origin("a node that is lost should not take all of them")
    return {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": Sourced(wish, origin)}}
