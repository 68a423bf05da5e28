"""The page in a browser: graphs are drawn under its own policy, and nothing is complained of."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.preview.boards import page
from tests.preview.screens import chromium
from tests.preview.test_page import HOSTILE, everything

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["harmless", HOSTILE], ids=["harmless", "hostile"])
def test_a_browser_draws_every_graph_and_complains_of_nothing(name: str, tmp_path: Path) -> None:
    browser = chromium()
    if browser is None:
        pytest.skip("there is no Chromium")
    (tmp_path / "page.html").write_text(page(*everything(name)))
    argv = [
        browser, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=10000", "--enable-logging=stderr", "--window-size=1600,3000",
        "--dump-dom", (tmp_path / "page.html").as_uri(),
    ]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120)
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    assert done.stdout.count('class="chart js-plotly-plot"') == 3
    assert done.stdout.count('class="main-svg"') >= 3
