"""The metadata that every generated Kubernetes object carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from observe.naming import labels

if TYPE_CHECKING:
    from observe.model import Mesh

Manifest: TypeAlias = dict[str, Any]
"""A Kubernetes object as plain values, keys in the order in which people read them."""


def manifest(
    mesh: Mesh,
    api_version: str,
    kind: str,
    namespace: str,
    name: str,
    spec: Manifest,
    annotations: dict[str, str] | None = None,
) -> Manifest:
    """An object with the pack's labels."""
    metadata: Manifest = {"name": name, "namespace": namespace, "labels": labels(mesh.name)}
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}
