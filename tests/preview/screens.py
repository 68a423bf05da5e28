"""Pictures of dashboards during incidents, for people to look at: `python -m tests.preview.screens [FOLDER]`.

Without a FOLDER it takes those of the README, into docs/pictures; with one every kind of dashboard into it, whole and
with all rows open. A headless Chromium takes them of the page that `observe preview --incident` writes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from observe.artifact import Kind
from observe.drills.chosen import chosen
from observe.drills.staging import HOUR, staged, staging
from observe.drills.table import ORDINARY
from observe.inventory import load
from observe.pack import build
from observe.preview import draw, in_order, prepare, read
from observe.preview.page import CELL, GAP
from tests.conftest import ROOT
from tests.servers.install import SERVERS
from tests.servers.prometheus_server import binary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from observe.preview import Dashboard

WIDTH: Final = 1400
HEADER: Final = 130
"""Pixels above the first row, and some air below the last panel."""
HEADING: Final = 46
DAY: Final = 24 * HOUR
PICTURES: Final = ROOT / "docs" / "pictures"


@dataclass(frozen=True, slots=True)
class Scene:
    """An incident, and the dashboards that are looked at meanwhile."""

    incident: str
    boards: tuple[str, ...]
    """By title."""
    example: str = "shop"
    shown: float = HOUR
    before: float = HOUR


@dataclass(frozen=True, slots=True)
class Picture:
    """One for the README: the upper part of a dashboard."""

    name: str
    scene: Scene
    height: int
    """Pixels."""


README: Final = (
    Picture("overview", Scene("leaf-database", ("shop: mesh overview",)), 1_246),
    Picture("service", Scene("payment-latency-spike", ("payments / payment-service",)), 1_316),
    Picture("mtls", Scene("plaintext", ("shop: mTLS coverage",)), 1_008),
)
GALLERY: Final = (
    Scene(ORDINARY, ("shop: mesh overview", "catalog / product-service")),
    Scene(
        "leaf-database",
        ("shop: mesh overview", "shop: circuit breakers and resilience", "shop: ingress", "data / catalog-data"),
    ),
    Scene("payment-latency-spike", ("payments / payment-service",), before=3 * DAY / 2),
    Scene("plaintext", ("shop: mTLS coverage", "accounts / session-service")),
    Scene("control-plane-down", ("shop: control plane and proxies",)),
    Scene("certificate", ("shop: control plane and proxies", "shop: mTLS coverage")),
    Scene("strict-too-early", ("shop: migration",), shown=6 * HOUR, before=DAY + HOUR),
    Scene("leaf-database", ("legacy / ledger", "legacy / tariff-db", "booking / booking"), example="every-feature"),
    Scene("leaf-database", ("stores / stock-db",), example="ambient"),
)
"""Each kind of dashboard, in an incident that it is made for."""


def chromium() -> str | None:
    """The browser, where there is one."""
    return next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )


def taken(browser: str, scene: Scene, folder: Path, *, height: int | None = None) -> Iterator[Path]:
    """A picture of each dashboard of a scene: so many pixels from its top, or all of it with its rows open."""
    inventory = load(str(ROOT / "examples" / scene.example))
    artifacts = (artifact for artifact in build(inventory).artifacts if artifact.kind is Kind.DASHBOARD)
    boards = [one for one in in_order(read(each.content, each.path) for each in artifacts) if one.title in scene.boards]
    incident = None if scene.incident == ORDINARY else chosen(inventory, scene.incident)
    plan = staging(inventory.mesh, scene.shown, scene.before)
    with staged(inventory, incident, plan, program=binary("prometheus")) as lab:
        page = draw(prepare(boards, lab.client, lab.end, scene.shown), lab.client).decode()
    for board in boards:
        target = folder / f"{scene.incident}-{board.uid}.png"
        picture(browser, alone(page, opened=height is None), board, target, height or whole(board))
        yield target


def alone(page: str, *, opened: bool) -> str:
    """The page without its list of dashboards, and with all rows open or as they are."""
    page = page.replace("</style>", "nav { display: none; } body { display: block; }</style>", 1)
    return page.replace("<details>", "<details open>") if opened else page


def picture(browser: str, page: str, board: Dashboard, target: Path, height: int) -> None:
    """One dashboard of a page, so many pixels from its top."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(page, encoding="utf-8")
        argv = [
            browser, "--headless=new", "--disable-gpu", "--no-sandbox", f"--user-data-dir={folder}/profile",
            "--hide-scrollbars", "--virtual-time-budget=20000", f"--window-size={WIDTH},{height}",
            f"--screenshot={target}", f"{file.as_uri()}#{quote(board.uid, safe='')}",
        ]  # fmt: skip
        subprocess.run(argv, capture_output=True, check=True, timeout=180)


def whole(board: Dashboard) -> int:
    """Pixels that a dashboard takes with all rows open: its panels on Grafana's grid, and the headings of its rows."""
    total = HEADER
    for section in board.sections:
        total += HEADING if section.title is not None else 0
        if section.panels:
            top = min(panel.place.y for panel in section.panels)
            total += max(panel.place.y - top + panel.place.height for panel in section.panels) * (CELL + GAP)
    return total


def missing() -> str | None:
    """Why no pictures can be taken here."""
    if chromium() is None:
        return "there is no Chromium: install it, such as by apt-get install chromium"
    if SERVERS["prometheus"].missing():
        return "prometheus is not installed; run make servers"
    return None


def main(folders: Iterable[str]) -> None:
    reason, browser = missing(), chromium()
    if reason or browser is None:
        sys.stderr.write(f"no pictures are taken: {reason}\n")
        return
    if chosen_folders := list(folders):
        folder = Path(chosen_folders[0])
        folder.mkdir(parents=True, exist_ok=True)
        for scene in GALLERY:
            for made in taken(browser, scene, folder):
                sys.stdout.write(f"{made}\n")
        return
    PICTURES.mkdir(parents=True, exist_ok=True)
    for one in README:
        (made,) = taken(browser, one.scene, PICTURES, height=one.height)
        sys.stdout.write(f"{made.replace(PICTURES / f'{one.name}.png')}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
