"""How many ways to break a rule the generated tests notice: `python -m tests.proofs.mutation`.

Every rule of a small fleet is broken in every way that `mutants` knows, one at a time, and real promtool runs the
generated tests of whatever the rule belongs to. A mutant that passes all of them has survived.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from observe.alerting import Group, mesh_alerts, service_rules
from observe.graph import Graph
from observe.naming import digest
from observe.proofs import RuleTests
from observe.proofs.documents import FOR_ALERTS, FOR_PANELS, MESH_ALERTS, OVER_DAYS, RULES, TESTS
from observe.render.rules import rule_file
from observe.signals import catalogue
from tests.proofs.fleet import fleet
from tests.proofs.mutants import Mutant, mutants
from tests.servers.prometheus_server import Promtool

if TYPE_CHECKING:
    from collections.abc import Iterator

PROCESSES: Final = 2
ENOUGH: Final = 0.9
"""The share of mutants that must be noticed."""
RECORDS: Final = tuple(f"{TESTS}/mesh-{name}.yaml" for name in ("records", "objectives", "alerts"))


@dataclass(frozen=True, slots=True)
class Broken:
    """A mutant and where it stands."""

    path: str
    """Of the rule file."""
    group: int
    place: int
    mutant: Mutant
    tests: tuple[str, ...]
    """The test files that may notice, the likeliest first."""

    @property
    def name(self) -> str:
        return f"{self.path.removeprefix(f'{RULES}/').removesuffix('.yaml')}: {self.mutant.name}"


class Bench:
    """Runs mutants against the generated tests."""

    def __init__(self, folder: Path) -> None:
        self.inventory = fleet()
        self.graph, self.signals = Graph(self.inventory), catalogue(self.inventory)
        self.tests = RuleTests(self.inventory, self.graph, self.signals)
        self.files = dict(self.tests.files())
        self.folders: SimpleQueue[Path] = SimpleQueue()
        for number in range(PROCESSES):
            self._write(folder / str(number))
            self.folders.put(folder / str(number))

    def _write(self, folder: Path) -> None:
        for path, content in self.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(json.dumps(content))  # JSON is YAML, and quickly written

    def broken(self) -> Iterator[Broken]:
        """Every mutant of every rule."""
        names = [signal.record for signal in self.signals.recorded]
        for path, groups, tests in self._rules():
            for number, group in enumerate(groups):
                for place, rule in enumerate(group.rules):
                    for mutant in mutants(rule, names):
                        yield Broken(path, number, place, mutant, tests)

    def _rules(self) -> Iterator[tuple[str, tuple[Group, ...], tuple[str, ...]]]:
        of_services = tuple(path for path in self.files if path.startswith(TESTS) and path not in RECORDS)
        yield FOR_ALERTS, self.tests.for_alerts, (*RECORDS, *of_services)
        yield FOR_PANELS, self.tests.for_panels, RECORDS
        yield OVER_DAYS, self.tests.over_days, (RECORDS[1], *of_services)
        yield MESH_ALERTS, mesh_alerts(self.signals.mesh, self.signals), (RECORDS[2],)
        for service in self.inventory.services:
            name = f"{service.namespace}/{service.name}.yaml"
            yield f"{RULES}/{name}", service_rules(self.graph, self.signals, service), (f"{TESTS}/{name}",)

    def unbroken(self) -> str:
        """What promtool says against the rules as they are: nothing, or no score means anything."""
        folder = self.folders.get()
        try:
            done = (Promtool().test_rules(folder / path) for path in self.files if path.startswith(TESTS))
            return "".join(one.stdout + one.stderr for one in done if one.returncode)
        finally:
            self.folders.put(folder)

    def noticed(self, broken: Broken) -> bool:
        """Whether some test fails."""
        folder = self.folders.get()
        try:
            changed = json.loads(json.dumps(self.files[broken.path]))
            (group,) = rule_file((Group("g", 1_000, (broken.mutant.rule,)),))["groups"]
            changed["groups"][broken.group]["rules"][broken.place] = group["rules"][0]
            (folder / broken.path).write_text(json.dumps(changed))
            return any(self._fails(folder, path, broken.mutant.original.name) for path in broken.tests)
        finally:
            (folder / broken.path).write_text(json.dumps(self.files[broken.path]))
            self.folders.put(folder)

    def _fails(self, folder: Path, path: str, name: str) -> bool:
        """Whether a file's tests fail: those first that speak of the rule."""
        tests = self.files[path]["tests"]
        speaking = [test["name"] for test in tests if _speaks_of(test, name)]
        if speaking and len(speaking) < len(tests):
            chosen = "|".join(map(re.escape, speaking))
            if Promtool().test_rules(folder / path, only=f"^({chosen})$").returncode:
                return True
        return Promtool().test_rules(folder / path).returncode != 0


def _speaks_of(test: dict[str, Any], name: str) -> bool:
    return any(alert["alertname"] == name for alert in test.get("alert_rule_test", ()))


def _chosen(broken: Broken, one_in: int) -> bool:
    return int(digest(broken.name.encode()), 16) % one_in == 0


def main(one_in: str = "3", only: str = "") -> int:
    """Print the score by kind and every survivor; 0 when enough are noticed.

    Of so many mutants one is run, chosen by its name: the same in every run. `only` is a regular expression of names.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        if report := bench.unbroken():
            print(report)
            return 1
        judged = [one for one in bench.broken() if re.search(only, one.name) and _chosen(one, int(one_in))]
        print(f"{len(judged)} mutants", file=sys.stderr)
        killed, survived = Counter[str](), Counter[str]()
        with ThreadPoolExecutor(PROCESSES) as pool:
            for broken, noticed in zip(judged, pool.map(bench.noticed, judged), strict=True):
                (killed if noticed else survived)[broken.mutant.kind] += 1
                if not noticed:
                    print(f"survived: {broken.name}", flush=True)
    for kind in sorted(killed | survived):
        print(f"{kind:<14} killed {killed[kind]:>5}  survived {survived[kind]:>4}")
    total = killed.total() + survived.total()
    score = killed.total() / total if total else 1.0
    print(f"{'all':<14} killed {killed.total():>5}  survived {survived.total():>4}")
    print(f"mutation score {score:.1%} of {total} mutants in {time.monotonic() - began:.0f} s")
    return 0 if score >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
