"""Publishing to a real Grafana (10.0)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from observe import errors, naming
from observe.clients.credentials import GrafanaCredentials
from observe.clients.grafana import GrafanaClient
from observe.publish.announce import announce
from observe.publish.apply import apply
from observe.publish.diff import diff
from observe.publish.plan import plan
from observe.publish.report import Report, Status
from observe.publish.targets.grafana import GrafanaTarget
from tests.clients.stand_in import HASTE
from tests.publish.samples import FOLDER, MESH, dashboard
from tests.servers.fixtures import require
from tests.servers.grafana_server import GrafanaServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from observe.artifact import Artifact
    from tests.servers.grafana_server import Role

PACK = tuple(dashboard(f"web-{number}") for number in range(5))
FOLDER_UID = naming.folder_uid(MESH)


def connected(server: GrafanaServer, token: str, *, folder: str = FOLDER) -> GrafanaTarget:
    client = GrafanaClient(GrafanaCredentials(server.url, token=token), pace=HASTE)
    return GrafanaTarget(client, mesh=MESH, folder=folder)


def as_role(server: GrafanaServer, role: Role) -> GrafanaTarget:
    return connected(server, server.token(role))


@pytest.fixture
def target(grafana: GrafanaServer) -> Iterator[GrafanaTarget]:
    """An Editor, which is what the documentation tells users to make."""
    found = as_role(grafana, "Editor")
    yield found
    found.close()


def publish(target: GrafanaTarget, artifacts: Sequence[Artifact] = PACK, *, prune: bool = False) -> Report:
    return apply(plan(target, artifacts, target.list(artifacts), prune=prune), target)


def versions(server: GrafanaServer) -> dict[str, int]:
    """Grafana counts every save, also one that changes nothing."""
    uids = [found["uid"] for found in server.dashboards()]
    return {uid: server.request("GET", f"/api/dashboards/uid/{uid}").json()["dashboard"]["version"] for uid in uids}


def save(server: GrafanaServer, **body: object) -> None:
    server.request("POST", "/api/dashboards/db", json=body).raise_for_status()


def test_the_whole_set_arrives_in_the_folder_as_it_was_made(grafana: GrafanaServer, target: GrafanaTarget) -> None:
    assert publish(target).counts == {Status.DONE: 5}
    found = {hit["uid"]: (hit["folderUid"], hit["folderTitle"]) for hit in grafana.dashboards()}
    assert found == {f"web-{number}": (FOLDER_UID, FOLDER) for number in range(5)}
    live = grafana.request("GET", "/api/dashboards/uid/web-3").json()["dashboard"]
    wanted = json.loads(PACK[3].content)
    assert {key: live[key] for key in wanted} == wanted


def test_the_same_again_saves_nothing(grafana: GrafanaServer, target: GrafanaTarget) -> None:
    publish(target)
    assert publish(target).counts == {Status.UNCHANGED: 5}
    assert set(versions(grafana).values()) == {1}


def test_after_an_edit_of_one_only_that_one_is_saved(grafana: GrafanaServer, target: GrafanaTarget) -> None:
    publish(target)
    report = publish(target, [*PACK[:4], dashboard("web-4", "edited")])
    assert report.counts == {Status.UNCHANGED: 4, Status.DONE: 1}
    assert versions(grafana) == {"web-0": 1, "web-1": 1, "web-2": 1, "web-3": 1, "web-4": 2}


def test_pruning_deletes_what_is_ours_and_left_over_and_nothing_else(
    grafana: GrafanaServer, target: GrafanaTarget
) -> None:
    publish(target)
    save(grafana, dashboard={"uid": "mine", "title": "Mine", "tags": ["observe"]}, folderUid=FOLDER_UID)
    assert publish(target, PACK[:2]).counts == {Status.UNCHANGED: 2, Status.STALE: 3}
    assert publish(target, PACK[:2], prune=True).counts == {Status.UNCHANGED: 2, Status.DONE: 3}
    assert sorted(versions(grafana)) == ["mine", "web-0", "web-1"]


def marks(server: GrafanaServer) -> list[tuple[str, list[str]]]:
    """All annotations with the pack's tag, the newest first."""
    found = server.request("GET", "/api/annotations", params={"tags": naming.pack_tag(MESH), "limit": "1000"})
    return [(mark["text"], sorted(mark["tags"])) for mark in found.json()]


def test_a_publish_is_marked_once_and_one_that_changed_nothing_is_not(
    grafana: GrafanaServer, target: GrafanaTarget
) -> None:
    """By an Editor, whose role is enough. Marks stay when dashboards go, so those of other runs may be there."""
    before = len(marks(grafana))
    edited = [dashboard("web-0", "edited"), *PACK[1:4]]
    reports = [publish(target), publish(target), publish(target, edited, prune=True)]
    assert [announce([target], [report])[0].warning for report in reports] == [None, None, None]
    found = marks(grafana)
    tags = sorted([naming.TAG_TOOL, naming.pack_tag(MESH)])
    assert sorted(found[: len(found) - before]) == [
        ("observe published. Grafana: 1 changed, 1 deleted", tags),
        ("observe published. Grafana: 5 created", tags),
    ]


def test_a_viewer_may_not_mark_a_publish(grafana: GrafanaServer, target: GrafanaTarget) -> None:
    before = len(marks(grafana))
    (report,) = announce([as_role(grafana, "Viewer")], [publish(target)])
    assert isinstance(report.warning, errors.Forbidden)
    assert report.exit_code == errors.EXIT_OK
    assert len(marks(grafana)) == before


def test_a_wrong_token_is_told_and_nothing_is_tried(grafana: GrafanaServer) -> None:
    with pytest.raises(errors.Unauthorized, match=r"does not accept the credential .*: set GRAFANA_TOKEN"):
        connected(grafana, "glsa_wrong").list(PACK)


def test_a_read_only_token_may_not_publish(grafana: GrafanaServer) -> None:
    report = publish(as_role(grafana, "Viewer"))
    assert report.exit_code == errors.EXIT_TARGET
    assert isinstance(report.error, errors.Forbidden)
    assert str(report.error).endswith(
        f"give the service account the role Editor, or a permission for that; or create the folder {FOLDER!r}"
        " yourself: any folder of that title is used"
    )
    assert f"does not let us create the folder {FOLDER!r}" in str(report.error)
    assert grafana.dashboards() == []


def test_a_read_only_token_is_told_once_the_folder_is_there(grafana: GrafanaServer, target: GrafanaTarget) -> None:
    publish(target, PACK[:1])
    report = publish(as_role(grafana, "Viewer"))
    assert report.exit_code == errors.EXIT_TARGET
    assert report.counts == {Status.UNCHANGED: 1, Status.FAILED: 4}
    assert "does not let us save the dashboard web-1" in report.outcomes[1].reason


def test_a_folder_that_was_deleted_is_made_again(grafana: GrafanaServer, target: GrafanaTarget) -> None:
    publish(target)
    grafana.request("DELETE", f"/api/folders/{FOLDER_UID}").raise_for_status()
    assert publish(target).counts == {Status.DONE: 5}
    assert {hit["folderUid"] for hit in grafana.dashboards()} == {FOLDER_UID}


def test_a_folder_of_that_title_is_used_whatever_its_uid(grafana: GrafanaServer, target: GrafanaTarget) -> None:
    body = {"uid": "made-by-hand", "title": FOLDER}
    grafana.request("POST", "/api/folders", json=body).raise_for_status()
    assert publish(target).exit_code == errors.EXIT_OK
    assert {hit["folderUid"] for hit in grafana.dashboards()} == {"made-by-hand"}
    assert publish(target).counts == {Status.UNCHANGED: 5}


def test_a_new_title_renames_the_folder_and_settles(grafana: GrafanaServer, target: GrafanaTarget) -> None:
    publish(target)
    renamed = connected(grafana, grafana.token("Editor"), folder="Other Mesh")
    assert publish(renamed).exit_code == errors.EXIT_OK
    assert {(hit["folderUid"], hit["folderTitle"]) for hit in grafana.dashboards()} == {(FOLDER_UID, "Other Mesh")}
    assert publish(renamed).counts == {Status.UNCHANGED: 5}


def test_a_dashboard_that_was_moved_is_brought_back(grafana: GrafanaServer) -> None:
    """By an Admin: Grafana 10 hides from an Editor what an administrator has moved to the root."""
    target = as_role(grafana, "Admin")
    publish(target)
    save(grafana, dashboard=json.loads(PACK[1].content), overwrite=True)
    (change,) = (one for one in plan(target, PACK, target.list(PACK)).changes if one.writes)
    assert change.reason == f"it lies in the folder 'General' instead of {FOLDER!r}"
    publish(target)
    assert {hit["folderUid"] for hit in grafana.dashboards()} == {FOLDER_UID}


def test_a_foreign_dashboard_of_the_same_uid_is_left_alone(grafana: GrafanaServer, target: GrafanaTarget) -> None:
    save(grafana, dashboard={"uid": "web-2", "title": "Mine", "tags": ["observe"]})
    report = publish(target)
    assert report.counts == {Status.DONE: 4, Status.FAILED: 1}
    assert report.outcomes[2].reason == (
        f"a dashboard with the uid web-2 is there and not ours (it has no tag {naming.pack_tag(MESH)}):"
        " delete it, or give it that tag to hand it over"
    )
    assert grafana.request("GET", "/api/dashboards/uid/web-2").json()["dashboard"]["title"] == "Mine"


def test_the_differences_are_those_of_the_content(grafana: GrafanaServer, target: GrafanaTarget) -> None:
    """What Grafana adds to a dashboard does not show, so an edit shows as that edit alone."""
    publish(target)
    wanted = [*PACK[:4], dashboard("web-4", "edited")]
    (found,) = diff(plan(target, wanted, target.list(wanted)), target)
    changed = [line for line in found.text.splitlines() if line[0] in "+-"]
    assert changed[:4] == [
        "--- live/Dashboard web-4",
        "+++ pack/Dashboard web-4",
        '-  "description": "first",',
        '+  "description": "edited",',
    ]
    assert len(changed) == 6, "the other two lines are the hash tag"
    assert len(grafana.dashboards()) == 5


def test_a_provisioned_dashboard_is_told_with_its_file(tmp_path: Path) -> None:
    require("grafana")
    source = tmp_path / "provisioned"
    source.mkdir()
    (source / "web.json").write_text(json.dumps({"uid": "web-0", "title": "From a file", "tags": []}))
    (source / "ours.json").write_bytes(dashboard("web-1", "old").content)
    with GrafanaServer(tmp_path / "grafana", provisioned=source) as server:
        report = publish(as_role(server, "Editor"), PACK[:3])
    assert [outcome.status for outcome in report.outcomes] == [Status.FAILED, Status.FAILED, Status.DONE]
    assert "is there and not ours" in report.outcomes[0].reason
    assert report.outcomes[1].reason == (
        "the dashboard web-1 is provisioned from ours.json: Grafana takes it from there alone;"
        " take the file away there, or publish to that folder of files instead"
    )
