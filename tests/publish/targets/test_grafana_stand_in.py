"""Publishing to a stand-in for Grafana: how many requests it costs, and what happens when Grafana fails on the way."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from observe import errors, naming
from observe.clients.credentials import GrafanaCredentials
from observe.clients.grafana import GrafanaClient
from observe.publish.announce import announce
from observe.publish.apply import apply
from observe.publish.plan import plan
from observe.publish.report import Report, Status
from observe.publish.targets.grafana import GrafanaTarget
from tests.clients.stand_in import HASTE, Asked, Reply, StandIn, stand_in
from tests.publish.samples import FOLDER, MESH, dashboard, virtual_service
from tests.publish.targets.grafana_stand_in import MARK, SAVE, GrafanaStandIn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from observe.artifact import Artifact
    from tests.clients.stand_in import Answerer

PACK = tuple(dashboard(f"web-{number}") for number in range(11))


@contextmanager
def grafana(answer: Answerer) -> Iterator[tuple[StandIn, GrafanaTarget]]:
    with stand_in(answer) as server:
        client = GrafanaClient(GrafanaCredentials(server.url, user="a", password="b"), pace=HASTE)
        target = GrafanaTarget(client, mesh=MESH, folder=FOLDER)
        yield server, target
        target.close()


def publish(target: GrafanaTarget, artifacts: Sequence[Artifact] = PACK, *, prune: bool = False) -> Report:
    return apply(plan(target, artifacts, target.list(artifacts), prune=prune), target)


def test_a_whole_set_costs_a_listing_the_folder_and_one_save_each() -> None:
    with grafana(GrafanaStandIn()) as (server, target):
        assert publish(target).exit_code == errors.EXIT_OK
    assert [str(asked) for asked in server.asked[:3]] == [
        "GET /api/search",
        f"GET /api/folders/{naming.folder_uid(MESH)}",
        "POST /api/folders",
    ]
    assert server.count("POST", SAVE) == len(PACK) == len(server.asked) - 3


def test_the_same_again_costs_one_listing_and_nothing_else() -> None:
    with grafana(GrafanaStandIn()) as (server, target):
        publish(target)
        server.asked.clear()
        assert publish(target).counts == {Status.UNCHANGED: len(PACK)}
        assert [str(asked) for asked in server.asked] == ["GET /api/search"]


def test_an_edit_of_one_costs_one_save() -> None:
    with grafana(GrafanaStandIn()) as (server, target):
        publish(target)
        server.asked.clear()
        publish(target, [dashboard("web-0", "edited"), *PACK[1:]])
        assert server.count("POST", SAVE) == 1
        assert server.count("POST") == 1
        saved = server.asked[-1].body
        assert (saved["dashboard"]["uid"], saved["overwrite"]) == ("web-0", True)
        assert saved["folderUid"] == naming.folder_uid(MESH)


def test_a_grafana_that_dies_half_way_leaves_the_publish_partly_done_and_the_next_run_completes_it() -> None:
    dying = GrafanaStandIn(alive=4)
    with grafana(dying) as (server, target):
        report = publish(target)
        assert report.exit_code == errors.EXIT_PARTLY
        assert report.counts[Status.DONE] == 4 == dying.saves
        assert report.counts[Status.DONE] + report.counts[Status.FAILED] + report.counts[Status.SKIPPED] == 11
        failed = [outcome for outcome in report.outcomes if outcome.status is Status.FAILED]
        assert all(isinstance(outcome.error, errors.Unreachable) for outcome in failed)
        assert failed[0].reason.startswith(f"Grafana at {server.url} does not answer (save the dashboard web-")
        dying.alive = -1
        assert publish(target).counts == {Status.UNCHANGED: 4, Status.DONE: 7}
        assert publish(target).counts == {Status.UNCHANGED: 11}


def test_a_dead_grafana_is_not_hammered() -> None:
    """No more requests fail than could be under way at once, each with its own further attempts."""
    with grafana(GrafanaStandIn(alive=4)) as (server, target):
        publish(target, [dashboard(f"web-{number}") for number in range(100)])
        assert server.count("POST", SAVE) <= 4 + target.workers * (HASTE.attempts + 1)


def test_a_grafana_that_fails_now_and_then_gets_everything_all_the_same() -> None:
    reliable, calls = GrafanaStandIn(), iter(range(1000))

    def moody(asked: Asked) -> Reply | None:
        if asked.path == SAVE and next(calls) % 3:
            return Reply(500, {"message": "database is locked"})
        return reliable(asked)

    with grafana(moody) as (_, target):
        assert publish(target, PACK[:3]).exit_code == errors.EXIT_OK
    assert sorted(reliable.dashboards) == ["web-0", "web-1", "web-2"]


def test_a_repeated_save_that_had_worked_the_first_time_is_a_success() -> None:
    """The answer gets lost, the client asks again, and Grafana says that the uid is taken: by ourselves."""
    keeping, lost = GrafanaStandIn(), iter([True])

    def forgetful(asked: Asked) -> Reply | None:
        reply = keeping(asked)
        return None if asked.path == SAVE and next(lost, False) else reply

    with grafana(forgetful) as (server, target):
        assert publish(target, PACK[:1]).exit_code == errors.EXIT_OK
    assert keeping.saves == 1
    assert server.count("POST", SAVE) == 2


def test_a_dashboard_of_ours_that_the_search_does_not_show_yet_is_brought_up_to_date() -> None:
    """Newer versions index with a delay, so a dashboard may be there and not be found."""
    keeping = GrafanaStandIn()

    def blind(asked: Asked) -> Reply | None:
        return Reply(200, []) if asked.path == "/api/search" else keeping(asked)

    with grafana(blind) as (_, target):
        publish(target, PACK[:1])
        assert publish(target, [dashboard("web-0", "edited")]).exit_code == errors.EXIT_OK
    assert keeping.dashboards["web-0"]["dashboard"]["description"] == "edited"


def announced(target: GrafanaTarget, artifacts: Sequence[Artifact], *, prune: bool = False) -> Report:
    """A publish as the program does it: carried out, then told."""
    (report,) = announce([target], [publish(target, artifacts, prune=prune)])
    return report


def test_a_publish_that_changed_something_leaves_one_mark_that_says_how_much() -> None:
    keeping = GrafanaStandIn()
    with grafana(keeping) as (_, target):
        announced(target, PACK[:3])
        announced(target, PACK[:3])
        announced(target, [dashboard("web-0", "edited"), PACK[1], dashboard("web-12")], prune=True)
    assert [mark["text"] for mark in keeping.marks] == [
        "observe published. Grafana: 3 created",
        "observe published. Grafana: 1 created, 1 changed, 1 deleted",
    ]
    assert {tuple(mark["tags"]) for mark in keeping.marks} == {("observe", "observe-pack-shop")}


def test_a_mark_counts_what_was_done_and_not_what_failed() -> None:
    keeping = GrafanaStandIn()

    def picky(asked: Asked) -> Reply | None:
        bad = asked.path == SAVE and asked.body["dashboard"]["uid"] == "web-1"
        return Reply(400, {"message": "Dashboard title cannot be empty"}) if bad else keeping(asked)

    with grafana(picky) as (_, target):
        assert announced(target, PACK[:3]).exit_code == errors.EXIT_PARTLY
    assert [mark["text"] for mark in keeping.marks] == ["observe published. Grafana: 2 created"]


def test_a_mark_that_is_refused_is_a_warning_and_no_failure() -> None:
    keeping = GrafanaStandIn()

    def no_marks(asked: Asked) -> Reply | None:
        return Reply(403, {"message": "Access denied"}) if asked.path == MARK else keeping(asked)

    with grafana(no_marks) as (server, target):
        report = announced(target, PACK[:1])
    assert (report.exit_code, report.error) == (errors.EXIT_OK, None)
    assert isinstance(report.warning, errors.Forbidden)
    assert str(report.warning) == (
        f"Grafana at {server.url} does not let us mark the publish (Access denied): give the service account the role"
        " Editor, or a permission for that"
    )


def test_a_grafana_that_is_gone_is_not_asked_for_a_mark() -> None:
    with grafana(GrafanaStandIn(alive=1)) as (server, target):
        assert announced(target, PACK).counts[Status.DONE] == 1
    assert server.count("POST", MARK) == 0


def test_two_packs_share_a_grafana_without_seeing_each_other() -> None:
    shared = GrafanaStandIn()
    with grafana(shared) as (_, target):
        publish(target, [dashboard("bank-0", mesh="bank")])
        assert [str(key) for key in target.list(())] == []
        publish(target, PACK[:1])
        assert [str(key) for key in target.list(())] == ["Dashboard web-0"]


def test_only_dashboards_go_to_grafana() -> None:
    with grafana(GrafanaStandIn()) as (_, target):
        assert not target.wants(virtual_service("shop"))
        assert target.wants(PACK[0])
