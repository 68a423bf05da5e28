"""What a live system knows an artifact by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.errors import UsageError

if TYPE_CHECKING:
    from observe.artifact import Artifact, Identity


def identity(artifact: Artifact) -> Identity:
    """The artifact's identity; raises UsageError for a file that no live system takes."""
    if artifact.identity is None:
        raise UsageError(f"{artifact.path} has no identity, so no live system can take it")
    return artifact.identity
