"""The Istio objects and the installation of the examples whose packs are not at the top of the repository.

`python -m tests.golden_files` rewrites them; nothing else does. The example `shop` needs none: its whole pack is
committed.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from observe.inventory import load
from observe.pack import build

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "tests" / "golden"
EXAMPLES = tuple(sorted(path.name for path in (ROOT / "examples").iterdir() if path.name != "shop"))
PARTS = ("istio/", "install/")


def generated(example: str) -> Mapping[str, bytes]:
    """The files that the example gives now, by their path in the pack."""
    artifacts = build(load(str(ROOT / "examples" / example))).artifacts
    return {one.path: one.content for one in artifacts if one.path.startswith(PARTS)}


def committed(example: str) -> Mapping[str, bytes]:
    """The files that are committed."""
    folder = FOLDER / example
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    for example in EXAMPLES:
        for name, content in generated(example).items():
            path = FOLDER / example / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


if __name__ == "__main__":
    main()
