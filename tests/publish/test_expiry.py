"""What has expired, and what has not: by the day that is written on each object."""

from __future__ import annotations

from datetime import date

import pytest

from observe.errors import Rejected
from observe.publish.expiry import expired, written_in
from observe.publish.plan import Action
from tests.publish.fake_target import FakeTarget, remote

TODAY = date(2026, 12, 31)
FILE = "istio/shop/web/envoy-filter-slow.yaml"


@pytest.mark.parametrize(
    ("expires", "told"),
    [
        pytest.param("", [], id="for good"),
        pytest.param("2027-01-01", [], id="tomorrow"),
        pytest.param("2026-12-31", [], id="today is the last day"),
        pytest.param("2026-12-30", [(Action.DELETE, "was to be there until 2026-12-30")], id="yesterday"),
        pytest.param("2019-02-28", [(Action.DELETE, "was to be there until 2019-02-28")], id="long ago"),
    ],
)
def test_one_object(expires: str, told: list[tuple[Action, str]]) -> None:
    target = FakeTarget(remote("1/a", expires=expires))
    changes = expired(target, target.held, TODAY).changes
    assert [(change.action, change.reason) for change in changes] == told


@pytest.mark.parametrize("odd", ["soon", "2026-02-30", "20201231", "2020-W01-1", "2020-12-31T00:00"])
def test_what_carries_no_day_is_refused_and_stays(odd: str) -> None:
    target = FakeTarget(remote("1/a", expires=odd))
    (change,) = expired(target, target.held, TODAY).changes
    assert (change.action, change.writes) == (Action.REFUSED, False)
    assert change.reason == (
        f"its annotation observe/expires says {odd!r}, which is no day; write year, month and day, such as 2026-12-31"
    )


def test_what_is_not_ours_is_left_alone_however_old_it_is() -> None:
    target = FakeTarget(remote("1/a", foreign="it is Helm's", expires="2019-01-01"))
    assert expired(target, target.held, TODAY).changes == ()


def test_it_goes_in_the_order_of_deletions() -> None:
    target = FakeTarget(*(remote(path, expires="2019-01-01") for path in ("1/b", "2/a", "1/a")))
    planned = expired(target, target.held, TODAY)
    assert [[change.key.name for change in phase] for phase in planned.phases] == [["2/a"], ["1/a", "1/b"]]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        pytest.param("metadata: {annotations: {observe/expires: '2026-12-31'}}", "2026-12-31", id="in quotes"),
        pytest.param("metadata: {annotations: {observe/expires: 2026-12-31}}", "2026-12-31", id="without"),
        pytest.param("metadata: {annotations: {observe/expires: }}", "", id="empty"),
        pytest.param("metadata: {name: web}", "", id="not there"),
        pytest.param("spec: {annotations: {observe/expires: '2026-12-31'}}", "", id="elsewhere"),
        pytest.param("# observe/expires\n- metadata", "", id="no object"),
    ],
)
def test_the_day_in_a_file(text: str, day: str) -> None:
    assert written_in(FILE, text.encode()) == day


def test_files_that_are_no_objects_are_not_read() -> None:
    assert written_in("runbooks/observe.md", b"set `observe/expires: [`") == ""


def test_a_file_that_speaks_of_it_and_cannot_be_read_is_told() -> None:
    with pytest.raises(Rejected, match=f"{FILE} cannot be read as YAML, and so not when it expires: restore it"):
        written_in(FILE, b"observe/expires: [")
