"""A pack in a folder: nothing is rewritten needlessly, nothing foreign is touched, every accident heals."""

from __future__ import annotations

import errno
import json
import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from observe import errors
from observe.publish.apply import apply
from observe.publish.diff import diff
from observe.publish.expiry import expired
from observe.publish.plan import Action, Plan, plan
from observe.publish.report import Report, Status
from observe.publish.targets import whole_file
from observe.publish.targets.directory import DirectoryTarget
from tests.publish import samples
from tests.publish.samples import MESH, page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from observe.artifact import Artifact

PACK = (
    page("runbooks/a.md", "alpha\n"),
    page("runbooks/b.md", "beta\n"),
    page("istio/shop/web/c.yaml", "gamma\n"),
)
MANIFEST = "observe-pack.json"


def planned(root: Path, artifacts: Sequence[Artifact] = PACK, *, prune: bool = True) -> tuple[Plan, DirectoryTarget]:
    target = DirectoryTarget(root, mesh=MESH)
    return plan(target, artifacts, target.list(artifacts), prune=prune), target


def publish(root: Path, artifacts: Sequence[Artifact] = PACK, *, prune: bool = True) -> Report:
    return apply(*planned(root, artifacts, prune=prune))


def files(root: Path) -> dict[str, str]:
    found = (path for path in root.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(root).as_posix(): path.read_text() for path in found}


def contents(artifacts: Sequence[Artifact]) -> dict[str, str]:
    return {artifact.path: artifact.content.decode() for artifact in artifacts}


def manifest(root: Path) -> Any:
    return json.loads((root / MANIFEST).read_text())


def reasons(report: Report) -> dict[str, str]:
    return {one.change.key.name: one.reason for one in report.outcomes if one.reason}


def times(root: Path) -> dict[str, int]:
    return {path.as_posix(): path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


def test_the_first_run_writes_every_file_and_the_manifest(tmp_path: Path) -> None:
    root = tmp_path / "new" / "folder"
    report = publish(root)
    assert report.exit_code == errors.EXIT_OK
    assert files(root) == contents(PACK)
    found = manifest(root)
    assert (found["pack"], sorted(found["files"])) == (MESH, sorted(contents(PACK)))
    assert (root / MANIFEST).read_text().endswith("}\n")


def test_the_manifest_can_be_checked_with_sha256sum(tmp_path: Path) -> None:
    publish(tmp_path)
    digest = manifest(tmp_path)["files"]["runbooks/a.md"]
    assert digest == "b6a98d9ce9a2d9149288fa3df42d377c3e42737afdcdaf714e33c0a100b51060"


def test_a_second_run_writes_nothing_at_all(tmp_path: Path) -> None:
    publish(tmp_path)
    for path in tmp_path.rglob("*"):
        os.utime(path, (11, 11))
    before = times(tmp_path)
    report = publish(tmp_path)
    assert report.counts == {Status.UNCHANGED: 3}
    assert times(tmp_path) == before


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    publish(tmp_path)
    os.utime(tmp_path / "runbooks/b.md", (11, 11))
    report = publish(tmp_path, [page("runbooks/a.md", "other\n"), *PACK[1:]])
    assert report.counts == {Status.DONE: 1, Status.UNCHANGED: 2}
    assert (tmp_path / "runbooks/a.md").read_text() == "other\n"
    assert (tmp_path / "runbooks/b.md").stat().st_mtime == 11


def test_a_file_of_ours_that_was_edited_is_brought_back(tmp_path: Path) -> None:
    publish(tmp_path)
    (tmp_path / "runbooks/a.md").write_text("edited\n")
    assert publish(tmp_path).counts[Status.DONE] == 1
    assert files(tmp_path) == contents(PACK)


def test_left_over_files_go_and_folders_that_they_leave_empty_too(tmp_path: Path) -> None:
    publish(tmp_path)
    (tmp_path / "runbooks/mine.md").write_text("mine\n")
    assert publish(tmp_path, ()).exit_code == errors.EXIT_OK
    assert files(tmp_path) == {"runbooks/mine.md": "mine\n"}
    assert not (tmp_path / "istio").exists()
    assert manifest(tmp_path)["files"] == {}


def test_without_pruning_left_over_files_stay_and_stay_ours(tmp_path: Path) -> None:
    publish(tmp_path)
    assert publish(tmp_path, PACK[:1], prune=False).counts == {Status.UNCHANGED: 1, Status.STALE: 2}
    assert sorted(manifest(tmp_path)["files"]) == sorted(contents(PACK))


def test_a_file_that_is_gone_and_no_longer_wanted_leaves_the_manifest(tmp_path: Path) -> None:
    publish(tmp_path)
    (tmp_path / "runbooks/b.md").unlink()
    publish(tmp_path, PACK[:1], prune=False)
    assert sorted(manifest(tmp_path)["files"]) == ["istio/shop/web/c.yaml", "runbooks/a.md"]


def test_a_foreign_file_stays_and_the_rest_is_written(tmp_path: Path) -> None:
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks/a.md").write_text("somebody's\n")
    report = publish(tmp_path)
    assert reasons(report) == {"runbooks/a.md": "it is there, differs, and is not listed in observe-pack.json"}
    assert report.exit_code == errors.EXIT_PARTLY
    assert files(tmp_path)["runbooks/a.md"] == "somebody's\n"
    assert "runbooks/a.md" not in manifest(tmp_path)["files"]


def test_a_folder_where_everything_is_foreign_gets_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("somebody's\n")
    assert publish(tmp_path, [page("a.md", "ours\n")]).exit_code == errors.EXIT_TARGET
    assert os.listdir(tmp_path) == ["a.md"]  # noqa: PTH208 - the names alone


def test_a_foreign_file_with_exactly_our_content_becomes_ours(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("ours\n")
    assert publish(tmp_path, [page("a.md", "ours\n")]).counts == {Status.UNCHANGED: 1}
    assert sorted(manifest(tmp_path)["files"]) == ["a.md"]


class Died(BaseException):
    """The process is gone: nothing after this runs."""


def die_while_writing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let the rename of one file end everything, so that its scratch file stays, as after `kill -9`."""
    replace = Path.replace

    def replacing(self: Path, to: Path) -> Path:
        if to.name == name:
            os.link(self, self.with_name(f".left{whole_file.SCRATCH}"))
            raise Died
        return replace(self, to)

    monkeypatch.setattr(Path, "replace", replacing)
    monkeypatch.setattr(DirectoryTarget, "finish", lambda *_: None)


@pytest.mark.parametrize("broken", ["a.md", "b.md", "c.yaml"])
def test_a_run_after_a_sudden_end_heals_even_when_the_pack_has_changed_since(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, [page("runbooks/a.md", "old\n"), page("runbooks/old.md", "old\n")])
    with monkeypatch.context() as patched:
        die_while_writing(patched, broken)
        with pytest.raises(Died):
            publish(tmp_path)
    assert manifest(tmp_path)["unfinished"] is True
    later = [page("runbooks/a.md", "alpha 2\n"), page("runbooks/b.md", "beta 2\n"), PACK[2]]
    assert publish(tmp_path, later).exit_code == errors.EXIT_OK
    assert files(tmp_path) == contents(later)
    assert "unfinished" not in manifest(tmp_path)
    assert sorted(manifest(tmp_path)["files"]) == sorted(contents(later))


def test_a_full_disk_leaves_the_old_file_and_no_scratch_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(tmp_path)
    replace = Path.replace

    def full(self: Path, to: Path) -> Path:
        if to.name == "a.md":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return replace(self, to)

    monkeypatch.setattr(Path, "replace", full)
    changed = [page("runbooks/a.md", "alpha 2\n"), page("runbooks/b.md", "beta 2\n"), PACK[2]]
    report = publish(tmp_path, changed)
    assert reasons(report) == {"runbooks/a.md": f"{tmp_path}/runbooks/a.md cannot be used: No space left on device"}
    assert report.exit_code == errors.EXIT_PARTLY
    assert files(tmp_path) == {**contents(PACK), "runbooks/b.md": "beta 2\n"}
    monkeypatch.undo()
    assert publish(tmp_path, changed).counts == {Status.DONE: 1, Status.UNCHANGED: 2}


def test_a_manifest_that_cannot_be_written_is_told_before_anything_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root no folder is read-only, so the system's answer is made up here."""

    def read_only(path: Path, *_: Any) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(os, "open", read_only)
    target = DirectoryTarget(tmp_path, mesh=MESH)
    report = apply(plan(target, PACK, {}), target)
    assert str(report.error) == f"{tmp_path}/observe-pack.json cannot be used: Read-only file system"
    assert report.counts == {Status.SKIPPED: 3}
    assert report.exit_code == errors.EXIT_TARGET


def test_a_file_in_place_of_the_folder_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(errors.UsageError, match="out is not a folder: name one, or a path where nothing is"):
        DirectoryTarget(tmp_path / "out", mesh=MESH)


def link(root: Path, path: str, to: Path) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).symlink_to(to)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("runbooks", "{root}/runbooks is a symbolic link: what lies behind it is no part of the pack"),
        ("runbooks/a.md", "{root}/runbooks/a.md cannot be used: it is a symbolic link"),
    ],
)
def test_nothing_is_written_through_a_symbolic_link(place: str, reason: str, tmp_path: Path) -> None:
    root, outside = tmp_path / "out", tmp_path / "outside"
    outside.mkdir()
    link(root, place, outside if place == "runbooks" else outside / "a.md")
    report = publish(root, PACK[:1])
    assert reasons(report) == {"runbooks/a.md": reason.format(root=root)}
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is no manifest"),
        ('{"pack": "shop", "files": {"a": "b"}', "it is no manifest"),
        ("[]", "it is no manifest"),
        ('{"pack": "shop", "files": {"../outside.md": "00"}}', "it lists '../outside.md'"),
        ('{"pack": "shop", "files": {"/etc/passwd": "00"}}', "it lists '/etc/passwd'"),
        ('{"pack": "shop", "files": {"observe-pack.json": "00"}}', "it lists 'observe-pack.json'"),
        ('{"pack": "shop", "files": {"a": 1}}', "it lists 'a'"),
    ],
)
def test_a_damaged_manifest_stops_before_anything_is_touched(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(errors.Rejected) as caught:
        publish(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/observe-pack.json is damaged ({reason}): restore it,"
        " or delete it and the generated files beside it"
    )
    assert files(tmp_path) == {}


def test_a_folder_of_another_pack_is_refused(tmp_path: Path) -> None:
    publish(tmp_path)
    with pytest.raises(errors.Conflict) as caught:
        DirectoryTarget(tmp_path, mesh="bank").list(())
    assert str(caught.value) == f"{tmp_path} holds the pack 'shop', not 'bank': name another folder"


@pytest.mark.parametrize("in_the_way", ["runbooks", "runbooks/a.md"])
def test_something_else_in_the_place_of_a_file_or_folder_is_refused(in_the_way: str, tmp_path: Path) -> None:
    """A file where a folder must be, and a folder where a file must be."""
    if in_the_way == "runbooks":
        (tmp_path / in_the_way).write_text("a file\n")
        told = "Not a directory"
    else:
        (tmp_path / in_the_way).mkdir(parents=True)
        told = "it is not a regular file"
    report = publish(tmp_path, PACK[:1])
    assert reasons(report) == {"runbooks/a.md": f"{tmp_path}/runbooks/a.md cannot be used: {told}"}


def test_a_pipe_in_the_place_of_a_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.md")
    report = publish(tmp_path, [page("a.md")])
    assert reasons(report) == {"a.md": f"{tmp_path}/a.md cannot be used: it is not a regular file"}


@pytest.mark.parametrize("path", ["../a.md", "/tmp/a.md", "x/../../a.md", MANIFEST])  # noqa: S108 - refused
def test_an_artifact_cannot_leave_the_folder(path: str, tmp_path: Path) -> None:
    report = publish(tmp_path / "out", [page(path)])
    assert report.outcomes[0].change.action is Action.REFUSED
    assert report.outcomes[0].reason == f"{path} is no path of a pack"
    assert list(tmp_path.iterdir()) == []


def test_every_kind_of_artifact_is_a_file(tmp_path: Path) -> None:
    pack = (*samples.one_of_each("shop"), samples.dashboard("web"), page())
    assert publish(tmp_path, pack).counts == {Status.DONE: 7}
    assert files(tmp_path) == contents(pack)


def test_differences_are_those_of_the_files(tmp_path: Path) -> None:
    publish(tmp_path, PACK[:2])
    found = [one.text for one in diff(*planned(tmp_path, [page("runbooks/a.md", "other\n")]))]
    assert found == [
        "--- live/File runbooks/a.md\n+++ pack/File runbooks/a.md\n@@ -1 +1 @@\n-alpha\n+other\n",
        "--- live/File runbooks/b.md\n+++ /dev/null\n@@ -1 +0,0 @@\n-beta\n",
    ]


def test_what_has_expired_goes_from_the_folder_and_its_manifest(tmp_path: Path) -> None:
    """From a folder that a GitOps controller applies: it would come back into the cluster from there."""
    old, lasting, plain = (
        samples.fault("shop", "old", expires="2020-01-01"),
        samples.fault("shop", "lasting", expires="2999-12-31"),
        samples.destination_rule("shop"),
    )
    publish(tmp_path, [old, lasting, plain])
    (tmp_path / "istio/shop/foreign.yaml").write_bytes(old.content)
    for _ in range(2):  # the second time nothing is left to do
        target = DirectoryTarget(tmp_path, mesh=MESH)
        report = apply(expired(target, target.owned(), date(2026, 1, 1)), target)
        assert report.exit_code == errors.EXIT_OK
        assert sorted(files(tmp_path)) == sorted(["istio/shop/foreign.yaml", lasting.path, plain.path])
        assert sorted(manifest(tmp_path)["files"]) == sorted([lasting.path, plain.path])


def test_a_file_whose_expiry_cannot_be_read_stops_before_anything_is_touched(tmp_path: Path) -> None:
    old = samples.fault("shop", expires="2020-01-01")
    publish(tmp_path, [old, PACK[0]])
    (tmp_path / old.path).write_text("observe/expires: [")
    with pytest.raises(errors.Rejected, match=r"envoy-filter\.yaml cannot be read as YAML"):
        DirectoryTarget(tmp_path, mesh=MESH).owned()
