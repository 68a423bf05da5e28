"""The rules that ours are compared with are sound, and nobody takes them for ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import yaml

from observe.drills.usual import NAMES, usual_rules
from observe.naming import MeshAlert, ServiceAlert

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.prometheus_server import Promtool


def test_promtool_finds_five_sound_alerts(promtool: Promtool, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [usual_rules()]}))
    done = promtool.check_rules(path)
    assert (done.returncode, "5 rules found" in done.stdout) == (0, True), done.stderr


def test_no_name_is_one_of_ours() -> None:
    assert not NAMES & {*get_args(ServiceAlert), *get_args(MeshAlert)}
    assert {rule["alert"] for rule in usual_rules()["rules"]} == NAMES
