"""promtool, which plays rules on telemetry over simulated time: with Prometheus' own code, and without waiting."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from observe.drills.notifications import Firing
from observe.drills.report import pairs, sightings
from observe.errors import Rejected, Unreachable, UsageError, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import BinaryIO

    from observe.drills.report import Pairs, Sighting
    from observe.simulation import Telemetry

RULES: Final = "rules.yaml"
TESTS: Final = "tests.yaml"
LIMIT: Final = 600
"""Seconds after which it is ended; a fleet of 22 services takes some ten."""
MEMORY: Final = "1GiB"
"""What Go's runtime tries to keep below; half of what two drills at a time could have on a small machine."""
WAY_OUT: Final = "it comes with Prometheus: put it on the PATH, or name it with --promtool"


@dataclass(frozen=True, slots=True)
class Played:
    """An alert, from when it fired to when it was resolved."""

    firing: Firing
    annotations: Pairs
    """What it said when it began to fire."""


@dataclass(frozen=True, slots=True)
class Promtool:
    """The program, found."""

    path: str
    version: str
    """What it says it is; `unknown` where its build says nothing."""

    def play(self, telemetry: Telemetry, rules: Mapping[str, Any], *, interval: int) -> tuple[Played, ...]:
        """The alerts that fire while a rule file is evaluated every `interval` seconds, as long as telemetry lasts.

        Scrapes and evaluations happen at the same moments, the scrape first. All groups are evaluated at the same
        interval, whatever theirs, in the order of the file. Raises Rejected for rules that cannot be evaluated.
        """
        if not telemetry.scrapes:
            raise UsageError("there is no telemetry to play the rules on; simulate some minutes")
        last = (telemetry.scrapes - 1) * telemetry.step // interval * interval
        content = {
            "rule_files": [RULES],
            "evaluation_interval": f"{interval}s",
            # Without it the order changes from run to run, and alerts may see records of the evaluation before.
            "group_eval_order": [group["name"] for group in rules["groups"]],
            "tests": [_everything(telemetry, rules, range(0, last + 1, interval))],
        }
        with tempfile.TemporaryDirectory(prefix="observe-drill-") as name:
            folder = Path(name)
            # JSON is YAML, and quickly written and read.
            (folder / RULES).write_text(json.dumps(rules), encoding="utf-8")
            (folder / TESTS).write_text(json.dumps(content), encoding="utf-8")
            with (folder / "report").open("w+b") as report:
                fires = self._run(folder, report)
                report.seek(0)
                lines = (line.decode("utf-8", "replace") for line in report)
                played = tuple(_played(sightings(lines), interval, last))
        if fires and not played:
            raise Rejected("promtool failed, and said nothing")
        return played

    def _run(self, folder: Path, report: BinaryIO) -> bool:
        """Whether something fires: then it ends with 1, as for any difference, and reports it on standard error."""
        try:
            done = subprocess.run(  # noqa: S603 - the program that the user named
                [self.path, "test", "rules", TESTS],
                cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=report,
                env={**os.environ, "GOMEMLIMIT": os.environ.get("GOMEMLIMIT", MEMORY)}, timeout=LIMIT, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            told = f"promtool was ended after {LIMIT} s; drill fewer minutes or fewer services"
            raise Unreachable(told) from None
        except OSError as error:
            raise UsageError(f"{self.path} cannot be run: {error.strerror}; {WAY_OUT}") from None
        if done.returncode not in (0, 1):
            report.seek(0)
            said = report.read(4_096).decode("utf-8", "replace")
            raise Rejected(f"promtool ended with {done.returncode}: {shorten(said) or 'and said nothing'}")
        return done.returncode == 1


def find(named: str | None = None) -> Promtool:
    """The promtool that is named, else the first on the PATH; raises UsageError when there is none that runs."""
    path = shutil.which(named or "promtool")
    if path is None:
        told = f"there is no program {named}" if named else "a drill needs promtool, which is not on the PATH"
        raise UsageError(f"{told}; {WAY_OUT}")
    try:
        done = subprocess.run(  # noqa: S603 - the program that the user named
            [path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"{path} cannot be run: {error}; {WAY_OUT}") from None
    # Prometheus 2 wrote it to standard error.
    said = done.stdout + done.stderr
    if done.returncode or not said.startswith("promtool"):
        raise UsageError(f"{path} is not promtool: it says {shorten(said, 80)!r}; {WAY_OUT}")
    version = re.match(r"promtool, version ([^ ]+)", said)
    return Promtool(str(Path(path).absolute()), version[1] if version else "unknown")


def _everything(telemetry: Telemetry, rules: Mapping[str, Any], moments: range) -> dict[str, Any]:
    """A test that no alert fires at any of the moments."""
    names = dict.fromkeys(rule["alert"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule)
    return {
        "interval": f"{telemetry.step}s",
        "input_series": telemetry.promtool(),
        "alert_rule_test": [{"eval_time": f"{at}s", "alertname": name} for at in moments for name in names],
    }


@dataclass(slots=True)
class _Span:
    """Evaluations in a row at which an alert fires."""

    first: float
    latest: float
    annotations: str


def _played(seen: Iterable[Sighting], interval: int, last: int) -> Iterator[Played]:
    """Each time that an alert fires, in the order in which they begin; what was resolved may fire anew."""
    spans: dict[Pairs, list[_Span]] = {}
    for sighting in seen:
        known = spans.setdefault(sighting.labels, [])
        if known and known[-1].latest + interval >= sighting.at:
            known[-1].latest = sighting.at
        else:
            known.append(_Span(sighting.at, sighting.at, sighting.annotations))
    each = ((span, labels) for labels, own in spans.items() for span in own)
    for span, labels in sorted(each, key=lambda one: (one[0].first, one[1])):
        resolved = span.latest + interval if span.latest < last else None
        yield Played(Firing(labels, span.first, resolved), pairs(span.annotations))
