"""What Istio's own installers make of the pack: the objects that they would apply."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import yaml

from observe.istio import installation
from observe.naming import INSTALL_PATH
from observe.provenance import plain
from observe.render.text import to_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from observe.model import Inventory
    from tests.servers.helm import Helm
    from tests.servers.istioctl import Istioctl

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Installed:
    """Rendered objects, by kind and name."""

    objects: Mapping[tuple[str, str], Manifest]

    @cached_property
    def revision(self) -> str:
        """What is appended to the names of istiod's objects: nothing, or `-stable`."""
        (name,) = [name for kind, name in self.objects if kind == "Deployment" and name.startswith("istiod")]
        return name.removeprefix("istiod")

    @cached_property
    def mesh_config(self) -> Manifest:
        """MeshConfig as istiod reads it, the charts' own part included."""
        found: Manifest = load_yaml(self.objects["ConfigMap", f"istio{self.revision}"]["data"]["mesh"])
        return found

    @cached_property
    def injection(self) -> Manifest:
        """The values that the injector fills its templates with."""
        data = self.objects["ConfigMap", f"istio-sidecar-injector{self.revision}"]["data"]
        found: Manifest = json.loads(data["values"])
        return found

    def container(self, kind: str, name: str) -> Manifest:
        """The only container of a workload."""
        (found,) = self.objects[kind, name]["spec"]["template"]["spec"]["containers"]
        return dict(found)

    def scaling(self, name: str) -> tuple[int, int]:
        """The fewest and the most pods."""
        spec = self.objects["HorizontalPodAutoscaler", name]["spec"]
        return spec["minReplicas"], spec["maxReplicas"]


def by_istioctl(inventory: Inventory, istioctl: Istioctl, folder: Path) -> Installed:
    """`istioctl manifest generate`, which also validates what it is given."""
    path = write(inventory, folder)[INSTALL_PATH]
    done = istioctl.manifest(path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return Installed(objects(load_all(done.stdout)))


def by_helm(inventory: Inventory, helm: Helm, folder: Path) -> Installed:
    """All releases together, each chart with its file."""
    found: list[Manifest] = []
    for path, file in write(inventory, folder).items():
        if path.startswith("install/helm/"):
            gateway = path.startswith("install/helm/gateways/")
            namespace = file.parent.name if gateway else inventory.mesh.root_namespace
            chart = "gateway" if gateway else file.stem
            done = helm.template(chart, file, release=file.stem, namespace=namespace)
            assert done.returncode == 0, done.stderr
            found += load_all(done.stdout)
    return Installed(objects(found))


def write(inventory: Inventory, folder: Path) -> dict[str, Path]:
    """The files of the installation, by their paths in the pack."""
    files = {}
    for path, document in installation(inventory):
        files[path] = folder / path
        files[path].parent.mkdir(parents=True, exist_ok=True)
        files[path].write_bytes(to_yaml(plain(document)))
    return files


def objects(found: Iterable[Manifest]) -> dict[tuple[str, str], Manifest]:
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def load_all(text: str) -> list[Manifest]:
    return [one for one in yaml.load_all(text, loader()) if one]


def load_yaml(text: str) -> Any:
    return yaml.load(text, loader())


def loader() -> Any:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)
