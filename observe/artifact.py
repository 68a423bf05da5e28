"""What a pack is made of: files, and what each of them is to a live system."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What an artifact is, and so which target takes it."""

    MANIFEST = "manifest"
    """A Kubernetes object: applied to the cluster."""
    DASHBOARD = "dashboard"
    """A Grafana dashboard: saved to Grafana."""
    INSTALL = "install"
    """Input of Istio's installer; no object of a running cluster."""
    ROUTES = "routes"
    """Alertmanager's configuration: merged by whoever has the receivers."""
    RULE_TEST = "rule-test"
    """Tests of the rules for promtool, and the plain rule files that they read."""
    RUNBOOK = "runbook"
    """A page for people."""


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """What a live system knows an artifact by."""

    api_version: str
    kind: str
    namespace: str
    """The Kubernetes namespace; for a dashboard the folder's title."""
    name: str
    """The object's name; for a dashboard its uid."""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of the pack."""

    kind: Kind
    path: str
    """Where it lies in the pack, with `/`; relative, no `..`."""
    content: bytes
    """The whole file: canonical YAML, JSON or Markdown, UTF-8, one newline at the end."""
    digest: str
    """The content hash. Manifests and dashboards carry it themselves, so that one listing tells what changed."""
    identity: Identity | None = None
    """What a live system knows it by; None for files that no live system takes."""
