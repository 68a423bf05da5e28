"""Breaking off a publish: requests under way end, and the report is truthful."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from tests.clients.stand_in import Asked, Reply, stand_in
from tests.conftest import SHOP
from tests.publish.targets.grafana_stand_in import SAVE, GrafanaStandIn

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 60
"""Seconds after which something hangs."""

PROGRAM = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from observe.cli import main; main()"
)
"""The program as a terminal starts it: what runs in a shell's background would ignore the signal."""


def test_what_was_under_way_ends_and_what_was_not_tried_is_reported(tmp_path: Path) -> None:
    grafana, saving, never = GrafanaStandIn(), threading.Event(), threading.Event()

    def answer(asked: Asked) -> Reply | None:
        if asked.path == SAVE:
            saving.set()
            never.wait(0.5)  # every save takes its time: the signal comes long before the last of them
        return grafana(asked)

    with stand_in(answer) as server:
        arguments = ["publish", "-i", str(SHOP), "--to", "grafana", "--format", "json", "--workers", "1"]
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            env={"HOME": str(tmp_path), "GRAFANA_URL": server.url, "GRAFANA_TOKEN": "some-token"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert saving.wait(PATIENCE)
        program.send_signal(signal.SIGINT)
        output, messages = program.communicate(timeout=PATIENCE)
    assert program.returncode == 130, messages
    results = [one["result"] for one in json.loads(output)[0]["objects"]]
    assert results.count("created") == grafana.saves
    assert results.count("skipped") == len(results) - grafana.saves > 0
    assert "Traceback" not in messages
