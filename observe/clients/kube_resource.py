"""Where a Kubernetes object lives: its kind, and the paths of the API for it."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Resource:
    """A namespaced kind in one version, such as VirtualService of `networking.istio.io/v1`."""

    api_version: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind} {self.api_version}"

    @property
    def plural(self) -> str:
        """The name in paths. English's rule covers the kinds of Istio and of the Prometheus operator."""
        return re.sub(r"(?<=[^aeiou])y$", "ie", self.kind.lower()) + "s"

    @property
    def group(self) -> str:
        """`networking.istio.io`; empty for the kinds of Kubernetes' core."""
        return self.api_version.rpartition("/")[0]

    @property
    def full_name(self) -> str:
        """The CRD's name, such as `virtualservices.networking.istio.io`: the same in every version."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """The path of one object, of all in a namespace, or of all in the cluster."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        inside = () if namespace is None else ("namespaces", namespace)
        return "/".join((root, *inside, self.plural, *(() if name is None else (name,))))


@dataclass(frozen=True, slots=True, order=True)
class ObjectName:
    """One object of a cluster."""

    resource: Resource
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.resource.kind} {self.namespace}/{self.name}"

    @property
    def path(self) -> str:
        return self.resource.path(self.namespace, self.name)
