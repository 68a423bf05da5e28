"""What a plan says, for every pair of what is wanted and what is there."""

from __future__ import annotations

import random

import pytest

from observe.artifact import Artifact, Kind
from observe.errors import UsageError
from observe.publish.plan import Action, plan
from observe.publish.target import Key, Remote
from tests.publish.fake_target import FakeTarget, artifact, file_key, remote

HELM = "it is Helm's"
GONE = "is no longer in the pack"
CASES = [
    pytest.param(artifact("1/a"), None, False, Action.CREATE, "is not there yet", id="absent"),
    pytest.param(artifact("1/a"), remote("1/a"), False, Action.UNCHANGED, "", id="equal"),
    pytest.param(artifact("1/a"), remote("1/a", "d0"), False, Action.UPDATE, "its content changed", id="other"),
    pytest.param(artifact("1/a"), remote("1/a", "d0", foreign=HELM), True, Action.REFUSED, HELM, id="foreign"),
    pytest.param(artifact("1/a"), remote("1/a", foreign=HELM), True, Action.REFUSED, HELM, id="foreign, equal"),
    pytest.param(None, remote("1/a"), False, Action.STALE, GONE, id="left over, kept"),
    pytest.param(None, remote("1/a"), True, Action.DELETE, GONE, id="left over, pruned"),
]


@pytest.mark.parametrize(("wanted", "found", "prune", "action", "reason"), CASES)
def test_one_object(wanted: Artifact | None, found: Remote | None, prune: bool, action: Action, reason: str) -> None:
    artifacts = () if wanted is None else (wanted,)
    listing = {} if found is None else {found.key: found}
    (change,) = plan(FakeTarget(), artifacts, listing, prune=prune).changes
    assert (change.action, change.reason) == (action, reason)
    assert (change.artifact, change.remote) == (wanted, found)


def test_foreign_objects_that_nobody_wants_are_not_mentioned() -> None:
    found = remote("1/a", foreign="it is Helm's")
    assert plan(FakeTarget(), (), {found.key: found}, prune=True).changes == ()


def test_artifacts_of_other_targets_are_left_out() -> None:
    other = Artifact(Kind.DASHBOARD, "1/a", b"", "d1")
    assert plan(FakeTarget(), (other,), {}).changes == ()


def test_writes_go_up_the_phases_and_deletions_come_down_after_them() -> None:
    wanted = [artifact("2/new"), artifact("1/new"), artifact("1/also")]
    found = [remote("1/old"), remote("3/old"), remote("2/old")]
    planned = plan(FakeTarget(), wanted, {one.key: one for one in found}, prune=True)
    names = [[change.key.name for change in phase] for phase in planned.phases]
    assert names == [["1/also", "1/new"], ["2/new"], ["3/old"], ["2/old"], ["1/old"]]


def test_the_order_depends_on_nothing_but_the_keys() -> None:
    wanted = [artifact(f"{number % 3}/{number}") for number in range(30)]
    shuffled = random.Random(11).sample(wanted, len(wanted))  # noqa: S311 - an order, not a secret
    assert plan(FakeTarget(), shuffled, {}) == plan(FakeTarget(), wanted, {})


def test_only_changes_that_write_are_in_the_phases() -> None:
    planned = plan(FakeTarget(), [artifact("1/a")], {file_key("1/a"): remote("1/a")})
    assert list(planned.phases) == []
    assert not planned.writes
    assert planned.counts[Action.UNCHANGED] == 1
    assert planned.counts[Action.CREATE] == 0


def test_two_artifacts_that_would_be_one_object_are_refused() -> None:
    twice = (artifact("1/a", "d1"), artifact("1/a", "d2"))
    with pytest.raises(UsageError, match="1/a and 1/a are both File 1/a: keep one of them"):
        plan(FakeTarget(), twice, {})


def test_a_key_reads_as_people_name_the_object() -> None:
    assert str(Key("VirtualService", "shop", "web", "networking.istio.io/v1")) == "VirtualService shop/web"
    assert str(Key("Dashboard", "", "shop-web")) == "Dashboard shop-web"
