"""Write what the containers of compose.yaml read: `python -m stack.prepare --inventory examples/shop`.

It is the pack of the inventory, with two differences: links lead to the Grafana of the stack, and rules are the plain
files that a Prometheus without the operator reads.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

from observe import naming
from observe.artifact import Kind
from observe.cli.loading import load
from observe.errors import ObserveError
from observe.pack import build
from observe.render import rules, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Inventory

GENERATED: Final = Path(__file__).parent / "generated"
GRAFANA: Final = "http://localhost:3000"


def main() -> None:
    parser = argparse.ArgumentParser(description="Write what the containers of stack/compose.yaml read.")
    parser.add_argument("-i", "--inventory", required=True)
    parser.add_argument("-o", "--output", type=Path, default=GENERATED)
    given = parser.parse_args()
    try:
        prepare(load(given.inventory), given.output)
    except ObserveError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


def prepare(inventory: Inventory, output: Path) -> None:
    """Write the files into a folder, which holds nothing else afterwards."""
    written = dict(files(inventory))
    shutil.rmtree(output, ignore_errors=True)
    for path, content in written.items():
        (output / path).parent.mkdir(parents=True, exist_ok=True)
        (output / path).write_bytes(content)


def files(inventory: Inventory) -> Iterator[tuple[str, bytes]]:
    """Paths below the folder, and what the files hold."""
    mesh = inventory.mesh
    here = replace(inventory, mesh=replace(mesh, grafana=replace(mesh.grafana, url=GRAFANA)))
    overview = naming.dashboard_path(naming.overview_uid(mesh.name))
    for artifact in build(here).artifacts:
        if artifact.kind is Kind.DASHBOARD:
            yield artifact.path, artifact.content
        if artifact.path == overview:
            yield "home/overview.json", artifact.content
        if artifact.path == naming.ALERTMANAGER_PATH:
            yield artifact.path, artifact.content
        if artifact.identity and artifact.identity.kind == rules.KIND:
            yield f"rules/{artifact.identity.name}.yaml", text.to_yaml(yaml.safe_load(artifact.content)["spec"])


if __name__ == "__main__":
    main()
