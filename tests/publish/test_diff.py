"""How changes are shown."""

from __future__ import annotations

from observe.publish.diff import diff
from observe.publish.plan import plan
from tests.publish.fake_target import FakeTarget, artifact, remote


def test_each_writing_change_has_its_unified_diff_in_the_order_of_the_plan() -> None:
    target = FakeTarget(remote("1/changed", "d0"), remote("1/same"), remote("1/old"), remote("1/not", foreign="x"))
    wanted = [artifact(path) for path in ("1/changed", "1/same", "1/new", "1/not")]
    found = diff(plan(target, wanted, target.held, prune=True), target)
    assert [(one.change.key.name, one.text) for one in found] == [
        ("1/changed", "--- live/File 1/changed\n+++ pack/File 1/changed\n@@ -1 +1 @@\n-d0\n+d1\n"),
        ("1/new", "--- /dev/null\n+++ pack/File 1/new\n@@ -0,0 +1 @@\n+d1\n"),
        ("1/old", "--- live/File 1/old\n+++ /dev/null\n@@ -1 +0,0 @@\n-d1\n"),
    ]
