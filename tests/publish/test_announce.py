"""Telling of a publish: what is told, to whom, and what becomes of a target that cannot tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from observe import errors
from observe.publish.announce import announce, changes
from observe.publish.apply import apply
from observe.publish.plan import plan
from tests.publish.fake_target import FakeTarget, artifact, failures, remote

if TYPE_CHECKING:
    from observe.publish.report import Report

WANTED = tuple(artifact(path) for path in ("1/a", "1/b", "2/c"))


def published(target: FakeTarget) -> Report:
    return apply(plan(target, WANTED, target.held, prune=True), target)


def test_every_target_tells_of_all_targets() -> None:
    """Who looks at graphs wants to know of new routes, not only of new graphs."""
    targets = FakeTarget(remote("1/a", "d0"), remote("3/old")), FakeTarget()
    announce(targets, [published(target) for target in targets])
    told = "observe published. fake: 2 created, 1 changed, 1 deleted. fake: 3 created"
    assert [target.announced for target in targets] == [told, told]


def test_a_target_in_which_nothing_changed_tells_of_the_others() -> None:
    unchanged, changed = FakeTarget(*map(remote, ("1/a", "1/b", "2/c"))), FakeTarget()
    announce([unchanged, changed], [published(unchanged), published(changed)])
    assert unchanged.announced == "observe published. fake: 3 created"


def test_a_publish_that_changed_nothing_is_not_told() -> None:
    target = FakeTarget(*map(remote, ("1/a", "1/b", "2/c")))
    report = published(target)
    assert announce([target], [report]) == [report]
    assert target.announced is None


def test_what_failed_is_not_counted() -> None:
    report = published(FakeTarget(remote("1/a", "d0"), remote("3/old"), fails=failures(errors.Rejected, "2/c")))
    assert changes(report) == "1 created, 1 changed"


def test_two_steps_of_one_object_are_one_change() -> None:
    target = FakeTarget(remote("2/dr", "d1+v1"))
    report = apply(plan(target, [artifact("2/dr", "d2+v2")], target.held), target)
    assert len(report.outcomes) == 2
    assert changes(report) == "1 changed"


@pytest.mark.parametrize("error", [errors.Unauthorized, errors.Unreachable])
@pytest.mark.parametrize("at", ["begin", "2/c"])
def test_who_does_not_answer_is_not_asked_again(error: type[errors.ObserveError], at: str) -> None:
    deaf, other = FakeTarget(fails=failures(error, at)), FakeTarget()
    reports = [published(deaf), published(other)]
    assert announce([deaf, other], reports) == reports
    assert deaf.announced is None
    assert other.announced


def test_a_target_that_cannot_tell_keeps_its_report_with_a_warning() -> None:
    target, other = FakeTarget(fails=failures(errors.Forbidden, "announce")), FakeTarget()
    report, fine = announce([target, other], [published(target), published(other)])
    assert (str(report.warning), report.error, report.exit_code) == ("no luck with announce", None, errors.EXIT_OK)
    assert len(report.outcomes) == 3
    assert fine.warning is None
