"""The metadata that every generated Kubernetes object carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from observe import naming
from observe.provenance import Sourced, of_mesh

if TYPE_CHECKING:
    from observe.model import Mesh

Manifest: TypeAlias = dict[str, Any]
"""A Kubernetes object, keys in the order in which people read them; values as they are, or `Sourced`."""


def manifest(
    mesh: Mesh,
    api_version: str,
    kind: str,
    namespace: str,
    name: str,
    spec: Manifest | Sourced[Manifest],
    annotations: Manifest | None = None,
    *,
    labels: Manifest | None = None,
    content: Literal["spec", "data"] = "spec",
) -> Manifest:
    """An object with the pack's labels, and more of its own. Any value in `spec`, `annotations` and `labels` may be
    `Sourced`; a ConfigMap has its content under `data`.
    """
    marks = {**naming.labels(mesh.name), **(labels or {})}
    sourced = Sourced(marks, of_mesh("name", why="on every object of the pack"))
    metadata: Manifest = {"name": name, "namespace": namespace, "labels": sourced}
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, content: spec}
