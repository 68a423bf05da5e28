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


STEPS = [
    pytest.param("d1+v1", None, [("1/dr", Action.CREATE, "d1+v1", True)], id="new, with parts"),
    pytest.param("d1", None, [("1/dr", Action.CREATE, "d1", False)], id="new, without"),
    pytest.param("d2+v1", "d1+v1", [("1/dr", Action.UPDATE, "d2+v1", False)], id="the same parts"),
    pytest.param("d2+v1+v2", "d1+v1", [("1/dr", Action.UPDATE, "d2+v1+v2", True)], id="one more"),
    pytest.param(
        "d2+v1",
        "d1+v1+v2",
        [("1/dr", Action.WIDEN, "d2+v1+v2", False), ("1/dr", Action.UPDATE, "d2+v1", True)],
        id="one fewer",
    ),
    pytest.param(
        "d2+v2+v3",
        "d1+v1+v2",
        [("1/dr", Action.WIDEN, "d2+v2+v3+v1", True), ("1/dr", Action.UPDATE, "d2+v2+v3", True)],
        id="one instead of another",
    ),
]


@pytest.mark.parametrize(("wanted", "live", "steps"), STEPS)
def test_what_others_name_comes_before_them_and_goes_after_them(
    wanted: str, live: str | None, steps: list[tuple[str, Action, str, bool]]
) -> None:
    """What is named goes only when what named it was written, and what named it without a successor is deleted."""
    found = [remote("2/vs", "d0"), remote("2/old"), *([remote("1/dr", live)] if live else [])]
    changes = [artifact("1/dr", wanted), artifact("2/vs")]
    planned = plan(FakeTarget(), changes, {one.key: one for one in found}, prune=True)
    told = [
        (change.key.name, change.action, change.artifact.digest if change.artifact else "", change.named)
        for change in planned.changes
    ]
    others = [("2/vs", Action.UPDATE, "d1", False), ("2/old", Action.DELETE, "", False)]
    assert told == [steps[0], *others, *steps[1:]]


def test_two_steps_say_what_they_do() -> None:
    found = remote("1/dr", "d1+v1+v2")
    changes = plan(FakeTarget(), [artifact("1/dr", "d2")], {found.key: found}).changes
    assert [change.reason for change in changes] == [
        "its content changed; v1, v2 stays until nothing names it",
        "nothing names v1, v2 any more",
    ]


def test_a_deletion_of_what_may_be_named_inside_is_known_as_such() -> None:
    found = [remote("1/a"), remote("1/b", "d1+v1"), Remote(file_key("1/c"), "d1", parts=None)]
    changes = plan(FakeTarget(), (), {one.key: one for one in found}, prune=True).changes
    assert [(change.key.name, change.named) for change in changes] == [("1/a", False), ("1/b", True), ("1/c", True)]


@pytest.mark.parametrize(
    ("deleted", "kept", "sweeping"),
    [
        pytest.param(10, 0, False, id="all of few"),
        pytest.param(11, 0, True, id="all of more"),
        pytest.param(11, 11, False, id="half"),
        pytest.param(12, 11, True, id="more than half"),
        pytest.param(50, 1000, False, id="many of very many"),
    ],
)
def test_a_plan_that_deletes_most_of_what_is_there_is_known_as_such(deleted: int, kept: int, sweeping: bool) -> None:
    """What is kept counts once, however many steps it takes; what is new or not ours does not count."""
    live = [remote(f"1/{number}", "d1+v1") for number in range(deleted + kept)]
    wanted = [artifact(f"1/{number}", "d2") for number in range(deleted, deleted + kept)]
    foreign = remote("1/foreign", foreign=HELM)
    listing = {one.key: one for one in (*live, foreign)}
    extra = [artifact("1/foreign"), *(artifact(f"2/{number}") for number in range(100))]
    planned = plan(FakeTarget(), [*wanted, *extra], listing, prune=True)
    assert planned.live == deleted + kept
    assert planned.sweeping is sweeping
    assert not plan(FakeTarget(), wanted, listing).sweeping, "without pruning nothing is deleted"
    assert [change.action for change in planned.deletions.changes] == [Action.DELETE] * deleted


def test_gateways_of_both_groups_can_be_told_apart() -> None:
    ours = [Key("Gateway", "edge", "web", api) for api in ("networking.istio.io/v1", "gateway.networking.k8s.io/v1")]
    assert [str(key) for key in ours] == [
        "Gateway.networking.istio.io edge/web",
        "Gateway.gateway.networking.k8s.io edge/web",
    ]
