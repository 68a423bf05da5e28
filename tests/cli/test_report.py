"""What a publish did, as a person reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.artifact import Artifact, Kind
from observe.cli.report import PAST, as_data, print_reports, summary
from observe.errors import Forbidden
from observe.publish.plan import WRITES, Action, Change
from observe.publish.report import Outcome, Report, Status
from observe.publish.target import Key

if TYPE_CHECKING:
    import pytest

STOPPED = Forbidden("the token may not create the folder")


def outcome(name: str, action: Action, status: Status, reason: str = "") -> Outcome:
    said = {Action.CREATE: "is not there yet", Action.UPDATE: "its content changed"}[action]
    change = Change(action, Key("File", "", name), Artifact(Kind.RUNBOOK, name, b"", ""), None, said, (False, 0))
    return Outcome(change, status, reason)


def lines(capsys: pytest.CaptureFixture[str], *reports: Report) -> list[str]:
    print_reports(reports, "table")
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()[1:]]


def test_what_was_created_needs_no_reason(capsys: pytest.CaptureFixture[str]) -> None:
    made = Report("directory", (outcome("a", Action.CREATE, Status.DONE), outcome("b", Action.UPDATE, Status.DONE)))
    assert lines(capsys, made) == ["directory created File a", "directory updated File b its content changed"]


def test_what_stopped_everything_is_not_repeated_for_every_object(capsys: pytest.CaptureFixture[str]) -> None:
    """The summary below the table says it."""
    skipped = tuple(outcome(name, Action.CREATE, Status.SKIPPED, str(STOPPED)) for name in "ab")
    assert lines(capsys, Report("Grafana", skipped, STOPPED)) == [
        "Grafana skipped File a see below",
        "Grafana skipped File b see below",
    ]


def test_a_failure_of_one_object_is_told_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    failed = Report("cluster", (outcome("a", Action.UPDATE, Status.FAILED, "namespace a does not exist"),))
    assert lines(capsys, failed) == ["cluster failed File a namespace a does not exist"]


def test_a_warning_stands_behind_what_was_done() -> None:
    warned = Report("Grafana", (outcome("a", Action.CREATE, Status.DONE),), warning=STOPPED)
    assert summary(warned) == "Grafana: 1 created; the token may not create the folder"
    assert as_data([warned])[0]["warning"] == "the token may not create the folder"


def test_there_is_a_word_for_everything_that_can_be_done() -> None:
    assert PAST.keys() == WRITES
