"""The program's own metrics after a publish."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client import generate_latest

from observe.artifact import Artifact, Kind
from observe.errors import Unreachable, UsageError
from observe.exporter import registry, write_metrics
from observe.publish.plan import Action, Change
from observe.publish.report import Outcome, Report, Status
from observe.publish.target import Key

if TYPE_CHECKING:
    from pathlib import Path


def outcome(name: str, status: Status) -> Outcome:
    artifact = Artifact(Kind.RUNBOOK, name, b"", "")
    return Outcome(Change(Action.CREATE, Key("File", "", name), artifact, None, "", (False, 0)), status)


REPORTS = (
    Report("cluster", (*tuple(outcome(name, Status.DONE) for name in "abc"), outcome("d", Status.FAILED))),
    Report("Grafana", (), Unreachable("no answer")),
)


def test_objects_are_counted_by_target_and_status() -> None:
    text = generate_latest(registry("acme", REPORTS, 11.0)).decode()
    for line in (
        'observe_publish_objects{pack="acme",status="done",target="cluster"} 3.0',
        'observe_publish_objects{pack="acme",status="failed",target="cluster"} 1.0',
        'observe_publish_exit_code{pack="acme",target="cluster"} 4.0',
        'observe_publish_exit_code{pack="acme",target="grafana"} 3.0',
        'observe_publish_finished_timestamp_seconds{pack="acme",target="cluster"} 11.0',
    ):
        assert line in text.splitlines()


def test_the_file_is_written(tmp_path: Path) -> None:
    write_metrics(str(tmp_path / "observe.prom"), "acme", REPORTS, 11.0)
    assert "observe_publish_exit_code" in (tmp_path / "observe.prom").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["observe.prom"]


def test_a_file_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written: No such file or directory"):
        write_metrics(str(tmp_path / "nowhere" / "observe.prom"), "acme", REPORTS, 11.0)
