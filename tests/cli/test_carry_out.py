"""Plans for several targets: what each of them may do to the others, and how long proxies get."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from observe import errors
from observe.cli.carry_out import Intent, carry_out, confirm, intents, rehearse, tell
from observe.publish.plan import Plan, plan
from tests.publish.fake_target import FakeTarget, artifact, remote

if TYPE_CHECKING:
    from observe.publish.target import Target

PART = Plan("fake", ())


def planned(target: Target) -> Plan:
    """A new subset for a route, and the old one goes; a target without anything live cannot be looked at."""
    live = target.list(())
    if not live:
        raise errors.Unreachable("nobody is there")
    return plan(target, [artifact("1/dr", "d2+v2"), artifact("2/vs")], live, prune=True)


def versions() -> FakeTarget:
    return FakeTarget(remote("1/dr", "d1+v1"), remote("2/vs", "d0"))


def test_proxies_get_as_long_as_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    reports, broken_off = carry_out(intents([versions()], planned), None, 11)
    assert (pauses, broken_off, reports[0].exit_code) == ([11, 11], False, errors.EXIT_OK)


def test_who_breaks_off_while_proxies_hear_is_told_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", break_off)
    (report,), broken_off = carry_out(intents([versions(), versions()], planned), None, 11)
    assert broken_off
    assert [outcome.status.value for outcome in report.outcomes] == ["done", "skipped", "skipped"]


def test_what_was_done_is_announced_once_all_is_done() -> None:
    first, second = versions(), versions()
    carry_out(intents([first, second], planned), None, 0)
    assert first.announced == second.announced == "observe published. fake: 2 changed. fake: 2 changed"


def test_a_publish_that_is_broken_off_is_not_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", break_off)
    target = versions()
    carry_out(intents([target], planned), None, 11)
    assert target.announced is None


def test_who_breaks_off_the_announcement_is_told_what_was_done() -> None:
    target = versions()
    target.fails = {"announce": KeyboardInterrupt()}
    (report,), broken_off = carry_out(intents([target], planned), None, 0)
    assert broken_off
    assert report.exit_code == errors.EXIT_OK


def test_a_target_that_cannot_be_looked_at_does_not_keep_the_next_from_being_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reports, _ = carry_out(intents([FakeTarget(), versions()], planned), None, 0)
    assert tell(reports, "table") == errors.EXIT_PARTLY
    assert capsys.readouterr().err.splitlines() == [
        "fake: nothing was published; nobody is there", "fake: 2 updated, 1 widened",
    ]  # fmt: skip


def test_a_rehearsal_of_a_target_that_cannot_be_looked_at_fails() -> None:
    with pytest.raises(errors.Unreachable, match="nobody is there"):
        rehearse(intents([versions(), FakeTarget()], planned), None, "table")


def test_a_rehearsal_shows_both_steps_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    target = versions()
    assert rehearse(intents([target], planned), None, "table") == errors.EXIT_OK
    told = capsys.readouterr()
    assert [" ".join(line.split()) for line in told.out.splitlines()[1:]] == [
        "fake widen File 1/dr its content changed; v1 stays until nothing names it",
        "fake update File 2/vs its content changed",
        "fake update File 1/dr nothing names v1 any more",
    ]
    assert told.err == "fake: 2 to update, 1 to widen (dry run, nothing was written)\n"
    assert target.calls == []


def deleting(count: int) -> Plan:
    target = FakeTarget(*(remote(f"1/{number}") for number in range(count)))
    return plan(target, (), target.held, prune=True)


def test_all_targets_are_asked_about_at_once() -> None:
    """Where nobody can be asked, as here, that is an error; a small deletion needs no question."""
    confirm([deleting(10), PART], yes=False)
    confirm([deleting(11)], yes=True)
    with pytest.raises(errors.UsageError) as caught:
        confirm([deleting(11), deleting(10), deleting(12)], yes=False)
    assert str(caught.value) == (
        "fake: 11 of 11 objects, fake: 12 of 12 objects would be deleted: look at them with --dry-run, and say --yes"
        " when that is right; nothing was written"
    )


def test_an_intent_that_failed_has_nothing_to_do() -> None:
    (failed,) = intents([FakeTarget()], planned)
    assert isinstance(failed, Intent)
    assert (failed.plan, str(failed.error)) == (PART, "nobody is there")
