"""The laboratory's Prometheus holds what one that had been there would hold, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from observe.alerting import Alert, Group, Record, rule_groups
from observe.clients.prometheus import Instant, QueryFailed
from observe.drills.history import Timed, levels
from observe.drills.laboratory import EPOCH, laboratory
from observe.drills.throwaway import throwaway_prometheus
from observe.errors import TargetError, UsageError
from observe.graph import Graph
from observe.promql import Binary, Function, Number, Selector, rate, sum_by
from observe.render.rules import rule_file
from observe.signals import catalogue
from observe.simulation import Series, Telemetry, incident, simulate
from tests.servers.fixtures import require
from tests.servers.prometheus_server import binary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from observe.drills.laboratory import Laboratory
    from observe.model import Inventory
    from tests.servers.prometheus_server import Promtool

MINUTE = 60


@pytest.fixture
def program() -> Path:
    require("prometheus")
    return binary("prometheus")


def group(*rules: Record | Alert, interval: int = 30) -> Group:
    return Group("all", interval * 1000, rules)


def alert(name: str, expression: Any, hold: int) -> Alert:
    return Alert(name, expression, hold * 1000, 0, "warning", (("severity", "warning"),), ())  # type: ignore[arg-type]


def one_series(*values: float | None, step: int = 15) -> Telemetry:
    return Telemetry(step, (Series("raw", (("pod", "a"),), values),))


def seen(lab: Laboratory, expression: str, at: int) -> list[tuple[dict[str, str], float]]:
    """What a query at a second after the first scrape gives."""
    answer = lab.client.ask(Instant(expression, lab.start + at))
    return [(dict(series.labels), series.points[-1][1]) for series in answer.series]


@pytest.mark.parametrize("name", ["leaf-database", "plaintext"])
def test_records_and_alerts_are_those_of_prometheus_own_rule_manager(
    name: str, shop: Inventory, program: Path, promtool: Promtool, tmp_path: Path
) -> None:
    """By promtool, which evaluates rules one time after the other; the laboratory asks for all times at once.

    Before the incident, at its beginning, at its worst, and after it. Each rule comes after those that it reads: where
    groups read each other's records, Prometheus lies an interval behind, since they do not wait for each other.
    """
    what = incident(shop, name)
    groups = rule_groups(Graph(shop), catalogue(shop))
    before, beginning, worst, after = moments = [minute * MINUTE for minute in (6, 12, 28, 40)]
    minutes = after / MINUTE
    with laboratory(simulate(shop, what, minutes=minutes, begin=10, epoch=EPOCH), groups, program=program) as lab:
        names = sorted({rule.name for each in groups for rule in each.rules if isinstance(rule, Record)})
        expected = [_expectation(lab, record, moment) for record in (*names, "ALERTS") for moment in moments]
        fired = {labels["alertname"] for labels, _ in seen(lab, 'ALERTS{alertstate="firing"}', worst)}
        assert seen(lab, "ALERTS", before) == []
        assert seen(lab, "ALERTS", beginning) != []
    assert {alert_name for alert_name, _ in what.expects} <= fired
    rules = [rule for each in groups for rule in each.rules]
    ordered = [
        Group(f"level-{number}", 30_000, tuple(timed.rule for timed in level))
        for number, level in enumerate(levels(Timed(rule, 30) for rule in rules))
    ]
    ordered.append(Group("alerts", 30_000, tuple(rule for rule in rules if isinstance(rule, Alert))))
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(rule_file(tuple(ordered))))
    test = {
        "rule_files": [file.name],
        "evaluation_interval": "30s",
        "fuzzy_compare": True,
        "group_eval_order": [each.name for each in ordered],
        "tests": [
            {
                "interval": "15s",
                "input_series": simulate(shop, what, minutes=minutes, begin=10).promtool(),
                "promql_expr_test": expected,
            }
        ],
    }
    (tmp_path / "test.yaml").write_text(yaml.dump(test, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)))
    done = promtool.test_rules(tmp_path / "test.yaml")
    assert done.returncode == 0, done.stdout[:4_000] + done.stderr[:4_000]


def _expectation(lab: Laboratory, record: str, moment: int) -> dict[str, Any]:
    """Rounded: sums in another order differ in the last digit, and then a difference of them is not quite zero."""
    expression = f"round({record}, 1e-9)"
    samples = [{"labels": _spelled(labels), "value": value} for labels, value in seen(lab, expression, moment)]
    return {"expr": expression, "eval_time": f"{moment}s", "exp_samples": samples}


def _spelled(labels: dict[str, str]) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"


def test_raw_samples_are_where_they_were_scraped_and_end_when_they_were_not(program: Path) -> None:
    """After a scrape without it a series is gone at once, not when Prometheus no longer looks back."""
    with laboratory(one_series(7, 11, None, None, 13, float("inf")), (), program=program) as lab:
        assert (lab.start, lab.end, lab.samples) == (EPOCH, EPOCH + 75, 5)
        assert [seen(lab, "raw", at) for at in (0, 15, 29, 30, 59)] == [
            [({"__name__": "raw", "pod": "a"}, 7.0)],
            [({"__name__": "raw", "pod": "a"}, 11.0)],
            [({"__name__": "raw", "pod": "a"}, 11.0)],
            [],
            [],
        ]
        assert [value for _, value in seen(lab, "raw", 60)] == [13.0]
        assert [value for _, value in seen(lab, "raw", 75)] == [float("inf")]
        assert seen(lab, "raw", -1) == []


def test_records_are_told_in_the_order_in_which_they_read_each_other(program: Path) -> None:
    """Whatever the order of the groups; their own labels come with them, and the last is of the last scrape."""
    third = Record("third", Binary("+", Selector("second"), Number(1)))
    second = Record("second", Binary("*", Selector("first"), Number(2)), (("kind", "own"),))
    first = Record("first", sum_by(("pod",), Selector("raw")))
    groups = (group(third), group(second, interval=60), group(first))
    with laboratory(one_series(*range(10)), groups, program=program) as lab:
        assert lab.end == EPOCH + 135
        assert seen(lab, "third", 135) == [({"__name__": "third", "kind": "own", "pod": "a"}, 19.0)]
        # Records of 30 s are evaluated at 15, 45, ..., 135 s, those of 60 s at 15, 75, 135 s.
        assert [seen(lab, "first", at)[0][1] for at in (15, 44, 45, 134)] == [1.0, 1.0, 3.0, 7.0]
        assert [seen(lab, "second", at)[0][1] for at in (15, 74, 75)] == [2.0, 2.0, 10.0]
        assert seen(lab, "first", 14) == []


def test_a_record_ends_when_its_expression_gives_it_no_longer(program: Path) -> None:
    above = Record("above", Binary(">", Selector("raw"), Number(5)))
    with laboratory(one_series(9, 9, 9, 1, 1, 1, 9), (group(above, interval=15),), program=program) as lab:
        assert [len(seen(lab, "above", at)) for at in (30, 44, 45, 89, 90)] == [1, 1, 0, 0, 1]


def test_alerts_wait_for_as_long_as_they_must_and_anew_after_a_gap(program: Path) -> None:
    high = alert("High", Binary(">", Selector("raw"), Number(5)), hold=30)
    values = (1, 9, 9, 9, 9, 1, 9, 9, 9)
    with laboratory(one_series(*values), (group(high, interval=15),), program=program) as lab:
        states = [[labels["alertstate"] for labels, _ in seen(lab, "ALERTS", at * 15)] for at, _ in enumerate(values)]
        labels, value = seen(lab, "ALERTS", 45)[0]
    assert states == [[], ["pending"], ["pending"], ["firing"], ["firing"], [], ["pending"], ["pending"], ["firing"]]
    assert value == 1
    assert labels == {
        "__name__": "ALERTS", "alertname": "High", "alertstate": "firing", "pod": "a", "severity": "warning"
    }  # fmt: skip


def test_an_alert_goes_on_where_another_metric_takes_over(program: Path) -> None:
    """`a or b` gives first the one and then the other: to Prometheus, which drops the name, the same alert."""
    series = (Series("a", (), (1, 1, None, None, None)), Series("b", (), (None, None, 1, 1, 1)))
    either = alert("Either", Binary("or", Selector("a"), Selector("b")), hold=30)
    with laboratory(Telemetry(15, series), (group(either, interval=15),), program=program) as lab:
        states = [[labels["alertstate"] for labels, _ in seen(lab, "ALERTS", at * 15)] for at in range(5)]
    assert states == [["pending"], ["pending"], ["firing"], ["firing"], ["firing"]]


def test_without_alerts_there_are_records_alone(program: Path) -> None:
    rules = group(Record("twice", Binary("*", Selector("raw"), Number(2))), alert("Any", Selector("raw"), hold=0))
    with laboratory(one_series(1, 2, 3), (rules,), alerts=False, program=program) as lab:
        assert seen(lab, "twice", 30)[0][1] == 6
        assert seen(lab, "ALERTS", 30) == []


def test_what_prometheus_says_of_a_rule_is_told_with_its_name(program: Path) -> None:
    with laboratory(one_series(1, 2, 3), (group(Record("odd", rate(Selector("raw"), "1m"))),), program=program) as lab:
        assert [remark.rule for remark in lab.remarks] == ["odd"]
        assert "might not be a counter" in lab.remarks[0].said


@pytest.mark.parametrize(
    ("expression", "error", "reason"),
    [
        (Function("rate", (Selector("raw"),)), QueryFailed, "odd: .*expected type range vector"),
        (Function("label_replace", (Selector("raw"),)), QueryFailed, "odd: .*expected 5 argument"),
    ],
)
def test_a_rule_that_cannot_be_evaluated_is_named(
    expression: Any, error: type[Exception], reason: str, program: Path
) -> None:
    with (
        pytest.raises(error, match=reason),
        laboratory(one_series(1), (group(Record("odd", expression)),), program=program),
    ):
        pass


def test_a_rule_that_gives_a_series_twice_is_refused_as_by_prometheus(program: Path) -> None:
    """The rule's own label covers what told its two series apart."""
    two = Telemetry(15, tuple(Series("raw", (("pod", pod),), (1, 2)) for pod in "ab"))
    same = Record("same", Selector("raw"), (("pod", "c"),))
    refused = pytest.raises(ValueError, match="same gives the same series twice")
    with refused, laboratory(two, (group(same),), program=program):
        pass


def test_records_that_read_each_other_have_no_order() -> None:
    chicken, egg = Record("chicken", Selector("egg")), Record("egg", sum_by((), Selector("chicken")))
    with pytest.raises(ValueError, match=r"records read each other: .*chicken"):
        tuple(levels([Timed(chicken, 30), Timed(egg, 30)]))


def test_no_program_is_an_error_with_the_way_out() -> None:
    refused = pytest.raises(UsageError, match=r"no program 'prometeus'.*put it on the PATH, or say where it is")
    with refused, throwaway_prometheus("prometeus"):
        pass


def test_a_program_that_does_not_start_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "prometheus"
    broken.write_text("#!/bin/sh\necho 'the disk is full'\nexit 7\n")
    broken.chmod(0o700)
    refused = pytest.raises(TargetError, match="Prometheus ended with status 7 before it was ready: the disk is full")
    with refused, throwaway_prometheus(broken):
        pass


def test_it_ends_and_leaves_nothing_however_the_block_ends(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(KeyError), throwaway_prometheus(program) as url:  # noqa: PT012 - it is about the whole block
        assert url.startswith("http://127.0.0.1:")
        assert [path.name.startswith("observe-prometheus-") for path in tmp_path.iterdir()] == [True]
        raise KeyError
    assert list(tmp_path.iterdir()) == []
    assert _running_below(tmp_path) == []


def test_it_ends_also_when_its_python_is_killed(program: Path, tmp_path: Path) -> None:
    """Nothing could clean up then; only the folder stays."""
    script = (
        "import sys, time\n"
        "from observe.drills.throwaway import throwaway_prometheus\n"
        f"with throwaway_prometheus({str(program)!r}):\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(600)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True) as python:
        assert python.stdout is not None
        assert python.stdout.readline() == "ready\n"
        assert len(_running_below(tmp_path)) == 1
        python.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while _running_below(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _running_below(tmp_path) == []


def _running_below(folder: Path) -> list[str]:
    """The commands that run with files of a folder, zombies left out."""
    return [command for command in _commands() if f"--storage.tsdb.path={folder}" in command]


def _commands() -> Iterable[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
