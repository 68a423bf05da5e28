"""Promtool tells when alerts fire, with Prometheus' own code; what it cannot do ends with a reason and a way out."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from observe.drills import promtool as room
from observe.drills.notifications import Firing
from observe.drills.promtool import Played, Promtool, find
from observe.errors import Rejected, Unreachable, UsageError
from observe.simulation import Series, Telemetry
from tests.servers.prometheus_server import binary

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def program(promtool: object) -> Promtool:  # noqa: ARG001 - skips where Prometheus is not installed
    """The real one."""
    return find(str(binary("promtool")))


def telemetry(**values: str) -> Telemetry:
    """A gauge for each name, a digit for each scrape; `_` where there was none."""
    series = (
        Series("pain", (("patient", name),), tuple(None if digit == "_" else int(digit) for digit in digits))
        for name, digits in values.items()
    )
    return Telemetry(15, tuple(series))


def rules(*alerts: dict[str, Any], group: str = "ward") -> dict[str, Any]:
    return {"groups": [{"name": group, "rules": list(alerts)}]}


HURTS: dict[str, Any] = {
    "alert": "Hurts",
    "expr": "pain > 3",
    "for": "30s",
    "labels": {"severity": "critical"},
    "annotations": {"summary": '{{ $labels.patient }} says "{{ $value }}"\nof {{ query `sum(pain)` | first | value }}'},
}


def labels(patient: str, alert: str = "Hurts") -> tuple[tuple[str, str], ...]:
    return (("alertname", alert), ("patient", patient), ("severity", "critical"))


def test_an_alert_fires_when_it_has_held_and_is_resolved_at_the_next_evaluation(program: Promtool) -> None:
    """The value counts at every second scrape; 30 s after the first bad one it fires, with what it says then."""
    found = program.play(telemetry(ann="115577991111", bob="111111111111"), rules(HURTS), interval=30)
    (one,) = found
    assert one.firing == Firing(labels("ann"), fires_at=60, resolves_at=120)
    assert one.annotations == (("summary", 'ann says "7"\nof 8'),)


def test_an_alert_that_fires_at_the_end_is_not_resolved(program: Promtool) -> None:
    (one,) = program.play(telemetry(ann="1155779"), rules(HURTS), interval=30)
    assert one.firing == Firing(labels("ann"), fires_at=60, resolves_at=None)


def test_each_time_that_an_alert_fires_is_told_apart(program: Promtool) -> None:
    found = program.play(telemetry(ann="9999111199991111", bob="1111999999999999"), rules(HURTS), interval=30)
    assert [(dict(one.firing.labels)["patient"], one.firing.fires_at, one.firing.resolves_at) for one in found] == [
        ("ann", 30, 60),
        ("bob", 90, None),
        ("ann", 150, 180),
    ]


def test_a_series_that_vanishes_is_gone_at_once(program: Promtool) -> None:
    (one,) = program.play(telemetry(ann="99999___________"), rules(HURTS), interval=30)
    assert one.firing.resolves_at == 90


def test_groups_are_evaluated_in_the_order_of_the_file(program: Promtool) -> None:
    """A record of an earlier group is that of the same evaluation, whatever the groups are called."""
    content = {
        "groups": [
            {"name": "z", "rules": [{"record": "pain:sum", "expr": "sum(pain)"}]},
            {"name": "a", "rules": [{"alert": "Hurts", "expr": "pain:sum > 3", "labels": {"severity": "critical"}}]},
        ]
    }
    (one,) = program.play(telemetry(ann="1199"), content, interval=30)
    assert one.firing.fires_at == 30


def test_nothing_fires_on_a_quiet_ward(program: Promtool) -> None:
    assert program.play(telemetry(ann="1111"), rules(HURTS), interval=30) == ()


def test_rules_that_cannot_be_evaluated_are_refused_in_promtools_own_words(program: Promtool) -> None:
    twice = {**HURTS, "expr": "pain + ignoring (patient) pain"}
    with pytest.raises(Rejected, match=r"promtool cannot play the rules: .*(many-to-many|duplicate series)"):
        program.play(telemetry(ann="99", bob="99"), rules(twice), interval=30)


def test_rules_that_cannot_be_parsed_are_refused(program: Promtool) -> None:
    with pytest.raises(Rejected, match=r"promtool cannot play the rules: .*unclosed left parenthesis"):
        program.play(telemetry(ann="99"), rules({**HURTS, "expr": "sum(pain"}), interval=30)


def test_without_telemetry_there_is_nothing_to_play(program: Promtool) -> None:
    with pytest.raises(UsageError, match="no telemetry"):
        program.play(Telemetry(15, ()), rules(HURTS), interval=30)


def test_nothing_is_left_behind(program: Promtool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    program.play(telemetry(ann="9999"), rules(HURTS), interval=30)
    with pytest.raises(Rejected):
        program.play(telemetry(ann="99"), rules({**HURTS, "expr": "sum("}), interval=30)
    assert list(tmp_path.iterdir()) == []


# --- other programs of that name ------------------------------------------------------------------------------------


def script(path: Path, body: str) -> str:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ("promtool, version 2.42.0+ds (branch: debian/sid, revision: 2.42.0+ds-5+b5)", "2.42.0+ds"),
        ("promtool, version 3.15.0 (branch: HEAD, revision: 0123456789abcdef)", "3.15.0"),
        ("promtool, version  (branch: , revision: unknown)", "unknown"),
    ],
)
@pytest.mark.parametrize("stream", ["1", "2"])
def test_the_version_is_known(tmp_path: Path, says: str, version: str, stream: str) -> None:
    """Prometheus 2 says it on standard error, Prometheus 3 on standard output."""
    path = script(tmp_path / "promtool", f"echo '{says}' >&{stream}")
    assert find(path) == Promtool(path, version)


def test_the_first_on_the_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = script(tmp_path / "promtool", "echo 'promtool, version 2.53.1 (branch: )'")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert find() == Promtool(path, "2.53.1")


def test_without_promtool_the_message_says_where_it_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError) as raised:
        find()
    assert str(raised.value) == (
        "a drill needs promtool, which is not on the PATH; "
        "it comes with Prometheus: put it on the PATH, or name it with --promtool"
    )
    with pytest.raises(UsageError, match="there is no program /nowhere/promtool; it comes with Prometheus"):
        find("/nowhere/promtool")


@pytest.mark.parametrize(
    ("body", "message"),
    [("echo 'ls (GNU coreutils) 9.1'", "is not promtool: it says 'ls"), ("exit 3", "is not promtool: it says ''")],
)
def test_another_program_is_told_from_promtool(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find(script(tmp_path / "promtool", body))


def test_a_run_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LIMIT", 0.1)
    stuck = Promtool(script(tmp_path / "promtool", "exec sleep 60"), "unknown")
    with pytest.raises(Unreachable, match=r"promtool was ended after 0\.1 s"):
        stuck.play(telemetry(ann="99"), rules(HURTS), interval=30)


def test_a_run_that_dies_is_no_result(tmp_path: Path) -> None:
    """As Go's runtime ends when it has no memory left."""
    dead = Promtool(script(tmp_path / "promtool", "echo 'fatal error: out of memory' >&2; exit 2"), "unknown")
    with pytest.raises(Rejected, match="promtool ended with 2: fatal error: out of memory"):
        dead.play(telemetry(ann="99"), rules(HURTS), interval=30)


def test_a_run_that_fails_without_a_word_is_no_result(tmp_path: Path) -> None:
    mute = Promtool(script(tmp_path / "promtool", "exit 1"), "unknown")
    with pytest.raises(Rejected, match="promtool failed, and said nothing"):
        mute.play(telemetry(ann="99"), rules(HURTS), interval=30)


def test_the_report_of_an_older_promtool_is_read(tmp_path: Path) -> None:
    """Its text is that of `report.py`; only the shell around it is ours."""
    (tmp_path / "report").write_text(
        "  FAILED:\n    alertname: Hurts, time: 30s, \n        exp:[], \n        got:[\n            0:\n"
        '              Labels:{alertname="Hurts", patient="ann", severity="critical"}\n'
        '              Annotations:{summary="ann"}\n            ]\n'
    )
    body = f"cat '{tmp_path}/report' >&2; exit 1"
    old = Promtool(script(tmp_path / "promtool", body), "2.42.0")
    assert old.play(telemetry(ann="1999"), rules(HURTS), interval=15) == (
        Played(Firing(labels("ann"), 30, 45), (("summary", "ann"),)),
    )
