"""The subsets of DestinationRules: routes name them, so they come before the routes, and go after them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import yaml

from observe import naming
from observe.publish.identity import identity
from observe.render import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from observe.artifact import Artifact
    from observe.clients.kubernetes import Manifest

KIND: Final = "DestinationRule"
FIELD: Final = "subsets"
"""Where they stand in the spec."""

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def subsets(manifest: Manifest) -> dict[str, Any]:
    """The subsets of a DestinationRule by name."""
    return {subset["name"]: subset for subset in (manifest.get("spec") or {}).get(FIELD) or ()}


def declared(artifact: Artifact) -> dict[str, Any]:
    """The subsets of an artifact by name. Only a file with the word in it is read: that takes its time."""
    if identity(artifact).kind != KIND or f"{FIELD}:".encode() not in artifact.content:
        return {}
    return subsets(parsed(artifact))


def keeping(artifact: Artifact, kept: Mapping[str, Any]) -> Artifact:
    """The DestinationRule with these subsets besides its own, under a content hash of its own."""
    manifest = parsed(artifact)
    both = [*subsets(manifest).values(), *kept.values()]
    metadata = manifest["metadata"]
    others = {key: value for key, value in metadata["annotations"].items() if key != naming.ANNOTATION_HASH}
    widened = {**manifest, "spec": {**manifest["spec"], FIELD: both}}
    digest = naming.digest(text.canonical({**widened, "metadata": {**metadata, "annotations": others}}))
    marked = {**metadata, "annotations": {**others, naming.ANNOTATION_HASH: digest}}
    return replace(artifact, content=text.to_yaml({**widened, "metadata": marked}), digest=digest)


def parsed(artifact: Artifact) -> Manifest:
    """A manifest as plain values."""
    manifest: Manifest = yaml.load(artifact.content, Loader=_Loader)  # noqa: S506 - both are safe loaders
    return manifest
