"""Carrying out a plan: order, failures, and a report that is true whatever happens."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from observe import errors
from observe.publish.apply import Interrupted, apply
from observe.publish.plan import Plan, plan
from observe.publish.report import Outcome, Report, Status
from tests.publish.fake_target import FakeTarget, artifact, failures, file_key, remote

if TYPE_CHECKING:
    from observe.publish.target import Remote

WANTED = tuple(artifact(path) for path in ("1/a", "1/b", "2/c"))


def planned(target: FakeTarget, *, prune: bool = False) -> Plan:
    return plan(target, WANTED, target.held, prune=prune)


def statuses(report: Report) -> dict[str, str]:
    return {outcome.change.key.name: outcome.status.value for outcome in report.outcomes}


@pytest.mark.parametrize("workers", [1, 4])
def test_all_is_carried_out_phase_by_phase(workers: int) -> None:
    target = FakeTarget(remote("1/a", "d0"), remote("3/old"))
    report = apply(planned(target, prune=True), target, workers=workers)
    assert sorted(target.calls[1:3]) == ["create 1/b", "update 1/a"]
    assert target.calls[0] == "begin"
    assert target.calls[3:] == ["create 2/c", "delete 3/old", "finish"]
    assert statuses(report) == {"1/a": "done", "1/b": "done", "2/c": "done", "3/old": "done"}
    assert (target.present, target.removed) == (("1/a", "1/b", "2/c"), ("3/old",))
    assert report.exit_code == errors.EXIT_OK


def test_nothing_to_write_asks_the_target_for_nothing() -> None:
    target = FakeTarget(*(remote(path) for path in ("1/a", "1/b", "2/c", "2/old")))
    report = apply(planned(target), target)
    assert target.calls == ["finish"]
    assert statuses(report) == {"1/a": "unchanged", "1/b": "unchanged", "2/c": "unchanged", "2/old": "stale"}
    assert report.exit_code == errors.EXIT_OK


def test_a_failure_spares_its_neighbours_and_ends_what_follows() -> None:
    target = FakeTarget(fails=failures(errors.Rejected, "1/a"))
    report = apply(planned(target), target)
    assert statuses(report) == {"1/a": "failed", "1/b": "done", "2/c": "skipped"}
    assert [outcome.reason for outcome in report.outcomes] == [
        "no luck with 1/a", "", "an earlier phase failed",
    ]  # fmt: skip
    assert target.present == ("1/b",)
    assert report.exit_code == errors.EXIT_PARTLY


@pytest.mark.parametrize("error", [errors.Unauthorized, errors.Unreachable])
def test_nothing_is_hammered_after_a_failure_that_every_request_would_share(
    error: type[errors.ObserveError],
) -> None:
    target = FakeTarget(fails=failures(error, "1/a"))
    report = apply(planned(target), target)
    assert target.calls == ["begin", "create 1/a", "finish"]
    assert statuses(report) == {"1/a": "failed", "1/b": "skipped", "2/c": "skipped"}
    assert report.outcomes[1].reason == "no luck with 1/a"
    assert report.exit_code == errors.EXIT_TARGET


def test_a_failed_beginning_skips_everything() -> None:
    target = FakeTarget(fails=failures(errors.Forbidden, "begin"))
    report = apply(planned(target), target)
    assert target.calls == ["begin"]
    assert {outcome.reason for outcome in report.outcomes} == {"no luck with begin"}
    assert isinstance(report.error, errors.Forbidden)
    assert report.exit_code == errors.EXIT_TARGET


def test_a_failed_end_is_told_although_every_object_is_done() -> None:
    target = FakeTarget(fails=failures(errors.Rejected, "finish"))
    report = apply(planned(target), target)
    assert str(report.error) == "no luck with finish"
    assert report.exit_code == errors.EXIT_PARTLY


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        pytest.param(remote("1/a", foreign="it is Helm's"), errors.EXIT_PARTLY, id="others were written"),
        pytest.param(None, errors.EXIT_OK, id="nothing refused"),
    ],
)
def test_a_refusal_alone_does_not_stop_the_rest(held: Remote | None, expected: int) -> None:
    target = FakeTarget(*filter(None, [held]))
    assert apply(planned(target), target).exit_code == expected
    assert "create 2/c" in target.calls


def test_refused_and_nothing_written_is_a_refusal_of_the_target() -> None:
    target = FakeTarget(remote("1/a", foreign="it is Helm's"), remote("1/b"), remote("2/c"))
    report = apply(planned(target), target)
    assert report.exit_code == errors.EXIT_TARGET
    assert report.outcomes[0].reason == "it is Helm's"


def test_progress_is_told_in_the_calling_thread_once_for_each_change() -> None:
    seen: list[tuple[str, Status, bool]] = []
    here = threading.current_thread()

    def progress(outcome: Outcome) -> None:
        seen.append((outcome.change.key.name, outcome.status, threading.current_thread() is here))

    target = FakeTarget(workers=4)
    apply(planned(target), target, on_progress=progress)
    assert sorted(seen) == [(path, Status.DONE, True) for path in ("1/a", "1/b", "2/c")]


def changing_a_subset() -> tuple[Plan, FakeTarget]:
    """v2 takes the place of v1 in what routes name: between two other changes, and with a deletion at the end."""
    target = FakeTarget(remote("2/dr", "d1+v1"), remote("3/vs", "d0"), remote("1/old"))
    wanted = [artifact("1/pa"), artifact("2/dr", "d2+v2"), artifact("3/vs"), artifact("4/rule")]
    return plan(target, wanted, target.held, prune=True), target


def test_proxies_hear_of_new_parts_before_their_routes_and_of_new_routes_before_old_parts_go() -> None:
    wanted, target = changing_a_subset()
    apply(wanted, target, settle=lambda: target.calls.append("settle"))
    assert target.calls == [
        "begin", "create 1/pa", "update 2/dr", "settle", "update 3/vs", "create 4/rule", "settle", "update 2/dr",
        "delete 1/old", "finish",
    ]  # fmt: skip


def test_nobody_waits_where_nothing_is_named() -> None:
    target = FakeTarget(remote("1/a", "d0"), remote("3/old"))
    apply(planned(target, prune=True), target, settle=lambda: target.calls.append("settle"))
    assert "settle" not in target.calls
    alone = FakeTarget(remote("1/a", "d0+v1"))
    apply(plan(alone, (), alone.held, prune=True), alone, settle=lambda: alone.calls.append("settle"))
    assert alone.calls == ["begin", "delete 1/a", "finish"]


def test_what_an_old_route_names_stays_when_the_new_route_fails() -> None:
    wanted, target = changing_a_subset()
    target.fails = failures(errors.Rejected, "3/vs")
    report = apply(wanted, target)
    assert [(one.change.key.name, one.change.action.value, one.status.value) for one in report.outcomes] == [
        ("1/pa", "create", "done"), ("2/dr", "widen", "done"), ("3/vs", "update", "failed"),
        ("4/rule", "create", "skipped"), ("2/dr", "update", "skipped"), ("1/old", "delete", "skipped"),
    ]  # fmt: skip
    assert target.held[file_key("2/dr")].digest == "d2+v2+v1"


def test_a_failure_of_what_nothing_builds_on_ends_only_the_deletions_of_its_phase() -> None:
    target = FakeTarget(remote("0/old"), remote("1/old"), fails=failures(errors.Rejected, "0/rule"))
    wanted = [artifact("0/rule"), artifact("0/other"), artifact("1/vs")]
    report = apply(plan(target, wanted, target.held, prune=True), target)
    assert statuses(report) == {
        "0/rule": "failed", "0/other": "done", "1/vs": "done", "1/old": "done", "0/old": "skipped",
    }  # fmt: skip
    assert report.exit_code == errors.EXIT_PARTLY


def test_requests_of_a_phase_run_at_the_same_time_but_no_more_than_workers() -> None:
    meeting = threading.Barrier(2, timeout=30)
    target = FakeTarget(workers=2)
    target.on_call = lambda path: meeting.wait() if path in ("1/a", "1/b") else 0
    assert apply(planned(target), target).exit_code == errors.EXIT_OK


def test_an_interruption_waits_for_what_runs_and_reports_what_was_done() -> None:
    """The first outcome reaches the user, who breaks off; the second change may still have been under way."""
    target = FakeTarget()

    def break_off(_: Outcome) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        apply(planned(target), target, on_progress=break_off)
    report = caught.value.report
    told = statuses(report)
    assert told["1/a"] == "done"
    assert told["2/c"] == "skipped"
    assert {path for path, status in told.items() if status == "done"} == set(target.present)
    assert {f"create {path}" for path in target.present} <= set(target.calls)
    assert report.outcomes[-1].reason == "the publish was broken off"
    assert report.exit_code == errors.EXIT_PARTLY
    assert target.calls[-1] == "finish"


def test_an_interruption_while_a_worker_starts_waits_for_what_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool does not know a thread whose start was interrupted, and so does not await it."""
    target = FakeTarget(workers=1)
    writing, interrupted = threading.Event(), threading.Event()
    start = threading.Thread.start

    def interrupted_start(thread: threading.Thread) -> None:
        start(thread)
        assert writing.wait(10)
        monkeypatch.undo()
        threading.Timer(0.05, interrupted.set).start()
        raise KeyboardInterrupt

    def on_call(path: str) -> None:
        if path == "1/a":
            writing.set()
            assert interrupted.wait(10)

    target.on_call = on_call
    wanted = planned(target)
    monkeypatch.setattr(threading.Thread, "start", interrupted_start)
    with pytest.raises(Interrupted) as caught:
        apply(wanted, target)
    assert statuses(caught.value.report) == {"1/a": "done", "1/b": "skipped", "2/c": "skipped"}


def test_a_defect_is_not_taken_for_a_failed_publish() -> None:
    """The books are closed all the same, so that a directory's manifest stays true."""
    target = FakeTarget(fails={"1/b": ZeroDivisionError("a defect")})
    with pytest.raises(ZeroDivisionError):
        apply(planned(target), target)
    assert target.present == ("1/a",)
    assert "create 2/c" not in target.calls


def test_a_second_run_after_a_failure_does_only_what_is_missing() -> None:
    target = FakeTarget(fails=failures(errors.Rejected, "1/b"))
    apply(planned(target), target)
    target.fails.clear()
    target.calls.clear()
    assert apply(planned(target), target).exit_code == errors.EXIT_OK
    assert target.calls == ["begin", "create 1/b", "create 2/c", "finish"]
