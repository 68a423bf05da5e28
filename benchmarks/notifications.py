"""Whom an outage in a fleet tells, with inhibition and without: counted by a real Alertmanager.

The generated configuration is unchanged but for its times: everything fires at one moment, and each group is looked at
once, so that the result does not depend on how fast the machine is. What is received must be what is worked out by
`observe.drills.notifications`, message by message.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.outages import Fleet
from benchmarks.synthetic import inventory as synthetic
from observe.alertmanager import Configuration, Delivery
from observe.drills.notifications import notifications
from observe.drills.page import filled
from observe.errors import ObserveError, UsageError
from observe.inventory import parse
from observe.publish.targets.whole_file import read, write
from observe.render.alertmanager import configuration_file
from tests.drills.replay import by_group, expected, hasty, received, together
from tests.servers.alertmanager_server import AlertmanagerServer, Receiver, binary
from tests.servers.processes import ServerError, accepted, local_session, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.outages import Outage
    from observe.drills.notifications import Firing
    from tests.drills.replay import Told
    from tests.servers.alertmanager_server import Start

SERVICES: Final = 187
SECOND: Final = 1_000
HOUR: Final = 3_600 * SECOND
ONE_LOOK: Final = Delivery(wait=15 * SECOND, interval=HOUR, repeat=HOUR)
"""Alertmanager takes in all alerts before it looks at the first group, and never looks at one again."""
LIMIT: Final = 300
"""Seconds in which each group has been looked at, and each message has come."""
MUTED: Final = re.compile(r'^alertmanager_notifications_suppressed_total\{reason="inhibition"\} (\S+)$', re.MULTILINE)
"""How many alerts a look at their group left out (Alertmanager 0.31, `notify/notify.go`, `MuteStage`)."""
COLUMNS: Final = (
    "what fails", "who fails with it", "alerts", "pages", "tickets", "teams told", "pages without inhibition",
    "tickets without", "teams without",
)  # fmt: skip

SUFFERERS: Final = ("all who wait for it", "all but its callers", "all but these and their callers")
"""Who fails with it, by how many calls away from it are quiet."""


@dataclass(frozen=True, slots=True)
class Count:
    """What is told of an outage."""

    pages: int
    tickets: int
    teams: int

    @classmethod
    def of(cls, told: Sequence[Told]) -> Count:
        kinds = [one.receiver.rpartition("-") for one in told]
        pages = sum(kind == "page" for _, _, kind in kinds)
        return cls(pages, len(kinds) - pages, len({team for team, _, _ in kinds}))

    @property
    def cells(self) -> tuple[str, ...]:
        return str(self.pages), str(self.tickets), str(self.teams)


def fleet_table(start: Start) -> str:
    """A row for each outage, in Markdown. Raises ServerError if Alertmanager sends anything but what is worked out."""
    fleet = Fleet(parse([("synthetic", synthetic(SERVICES, legacy=True))]))
    outages = list(fleet.outages())
    firing = [alert for outage in outages for alert in fleet.firing(outage)]
    muting = hasty(together([fleet.configuration(outage.mesh) for outage in outages]), ONE_LOOK, ONE_LOOK)
    heard, all_ = (
        by_group(tell(start, one, firing), lambda told: dict(told.group)["mesh"])
        for one in (muting, replace(muting, inhibitions=()))
    )
    rows = (
        (
            _title(outage), _sufferers(outage), str(len(list(fleet.firing(outage)))),
            *Count.of(heard[outage.mesh]).cells, *Count.of(all_[outage.mesh]).cells,
        )
        for outage in outages
    )  # fmt: skip
    return "\n".join(f"| {' | '.join(line)} |" for line in (COLUMNS, ["---"] * len(COLUMNS), *rows))


def _title(outage: Outage) -> str:
    return "" if outage.quiet else f"{outage.title}: {' and '.join(f'`{root.name}`' for root in outage.roots)}"


def _sufferers(outage: Outage) -> str:
    if not outage.suffering:
        return "nobody waits for it"
    return f"{SUFFERERS[outage.quiet]}: {len(outage.suffering)}"


def tell(start: Start, configuration: Configuration, firing: Sequence[Firing]) -> list[Told]:
    """What a real Alertmanager sends when all of these fire at once."""
    with start(configuration_file(configuration)) as (server, receiver):
        server.post({"labels": dict(alert.labels)} for alert in firing)
        what = "each alert told or muted"
        wait_until(lambda: _muted(server) + _told(receiver) >= len(firing), what, LIMIT)
        messages = list(map(received, receiver.notifications))
    computed = [expected(one) for one in notifications(firing, configuration, ONE_LOOK.wait / SECOND)]
    if Counter(messages) != Counter(computed):
        odd = next(iter((Counter(messages) - Counter(computed)) + (Counter(computed) - Counter(messages))))
        raise ServerError(
            f"Alertmanager sent {len(messages)} notifications and {len(computed)} were worked out; one that is not"
            f" in both: {odd}. Or the machine is too busy: all alerts must be taken in within {ONE_LOOK.wait} ms"
        )
    return messages


def _muted(server: AlertmanagerServer) -> int:
    with local_session() as session:
        metrics = accepted(session.get(f"{server.url}/metrics", timeout=30)).text
    found = MUTED.search(metrics)
    return int(float(found[1])) if found else 0


def _told(receiver: Receiver) -> int:
    return sum(len(message["alerts"]) for message in receiver.notifications)


@contextmanager
def started(configuration: Mapping[str, Any]) -> Iterator[tuple[AlertmanagerServer, Receiver]]:
    """An Alertmanager with this configuration, and a receiver of all its notifications."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Receiver() as receiver,
        AlertmanagerServer(Path(folder), receiver.listening(configuration)) as server,
    ):
        yield server, receiver


def with_table(page: str, table: str) -> str:
    """The page with the table between its marks; raises UsageError where it has no such marks."""
    return filled(page, {"fleet": table}, "benchmarks.notifications")


def main() -> None:
    parser = argparse.ArgumentParser(description="Count whom an outage in a fleet tells, with inhibition and without.")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table between the marks of this page")
    options = parser.parse_args()
    if not binary("alertmanager").exists():
        parser.error("Alertmanager is not installed; run make servers")
    try:
        run(options.write)
    except ObserveError as error:
        sys.exit(f"benchmarks.notifications: {error}")


def run(path: Path | None) -> None:
    """Print the table, or write it into a page, which is read first: it may have no place for it."""
    if path is None:
        print(fleet_table(started))
        return
    content = read(path)
    if content is None:
        raise UsageError(f"there is no page {path} to write into")
    page = content.decode("utf-8")
    with_table(page, "")
    write(path, with_table(page, fleet_table(started)).encode("utf-8"))


if __name__ == "__main__":
    main()
